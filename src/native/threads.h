// Threads that do one thing together: made once in a process, asleep while there is nothing to do.
//
// Declarations alone, since kernels include them: what is compiled for one instruction set must not
// be shared with another.
#pragma once

#include <memory>

namespace lecun89 {

namespace threads {
class Barrier;
}

// Those that take part, as one of them sees them.
struct Crew {
    int rank = 0, size = 1;  // its own number, below theirs
    threads::Barrier* barrier = nullptr;
    void wait() const;  // until all are here
};

namespace threads {

using Work = void (*)(void* what, const Crew&);

void run(int size, Work work, void* what);

}  // namespace threads

// Calls work(Crew) in so many threads at once, one of them the caller's; returns when all have
// returned. Where no more are to be had, there are fewer: what is computed must not depend on how
// many there are. `work` does not throw.
template <class Work>
void together(int size, Work work) {
    threads::run(
        size, [](void* what, const Crew& crew) { (*static_cast<Work*>(what))(crew); },
        std::addressof(work));
}

}  // namespace lecun89
