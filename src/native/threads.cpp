#include "threads.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace lecun89 {
namespace threads {
namespace {

// How long a thread that waits stays awake: longer than between two batches or two slices of a
// pass, because waking takes as long as some batches do.
constexpr std::chrono::microseconds kAwake(100);

inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Something that threads wait for.
class Event {
  public:
    template <class Happened>
    void wait(Happened happened) {
        const auto sleeps = std::chrono::steady_clock::now() + kAwake;
        do {
            for (int i = 0; i < 64; i++) {
                if (happened()) return;
                relax();
            }
            std::this_thread::yield();  // to the one that is waited for, where cores are short
        } while (std::chrono::steady_clock::now() < sleeps);
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, happened);
    }

    template <class Change>
    void happen(Change change) {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            change();
        }
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
};

}  // namespace

class Barrier {
  public:
    void wait(int size) {
        const uint32_t round = round_.load(std::memory_order_acquire);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < size) {
            passed_.wait([&] { return round_.load(std::memory_order_acquire) != round; });
            return;
        }
        arrived_.store(0, std::memory_order_relaxed);
        passed_.happen([&] { round_.store(round + 1, std::memory_order_release); });
    }

  private:
    std::atomic<int> arrived_{0};
    std::atomic<uint32_t> round_{0};
    Event passed_;
};

namespace {

// Threads beside one that calls. They are never ended: they sleep, hold nothing of Python, and go
// when the process does.
class Team {
  public:
    std::mutex in_use;

    void run(int wanted, Work work, void* what) {
        const int size = grow(wanted);
        work_ = work, what_ = what;
        std::fegetenv(&arithmetic_);
        begun_.happen([&] {
            job_.store((job_.load() / kSizes + 1) * kSizes + uint64_t(size), std::memory_order_release);
        });
        work(what, {0, size, &barrier_});
        barrier_.wait(size);
    }

  private:
    static constexpr uint64_t kSizes = 1 << 16;

    // Makes the threads that lack; how many there are for a job of this size.
    int grow(int wanted) {
        sigset_t all, before;  // signals are for the threads that Python knows
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        try {
            for (; threads_ < wanted; threads_++)
                std::thread(&Team::serve, this, threads_, job_.load()).detach();
        } catch (const std::system_error&) {  // the system has no more
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return threads_ < wanted ? threads_ : wanted;
    }

    void serve(int rank, uint64_t seen) {
        for (;;) {
            uint64_t job = seen;
            begun_.wait([&] { return (job = job_.load(std::memory_order_acquire)) != seen; });
            seen = job;
            const int size = int(job % kSizes);
            if (rank >= size) continue;
            std::fesetenv(&arithmetic_);  // or numbers near 0 could be other ones here
            work_(what_, {rank, size, &barrier_});
            barrier_.wait(size);
        }
    }

    int threads_ = 1;  // with the caller's
    Event begun_;
    std::atomic<uint64_t> job_{0};  // the number of jobs, and the size of the last in its low bits
    Work work_;
    void* what_;
    std::fenv_t arithmetic_;
    Barrier barrier_;
};

// A team for each thread that calls at the same time.
class Teams {
  public:
    // One that is not in use, and is now.
    Team& take() {
        std::lock_guard<std::mutex> guard(mutex_);
        for (Team* team : teams_)
            if (team->in_use.try_lock()) return *team;
        teams_.push_back(new Team());
        teams_.back()->in_use.lock();
        return *teams_.back();
    }

  private:
    std::mutex mutex_;
    std::vector<Team*> teams_;
};

// Never freed: threads may still look at it when the process ends.
Teams* teams = [] {
    // A child has none of its parent's threads, and its locks as they happened to be.
    pthread_atfork(nullptr, nullptr, [] { teams = new Teams(); });
    return new Teams();
}();

}  // namespace

void run(int size, Work work, void* what) {
    if (size < 2) return work(what, {});
    Team& team = teams->take();
    std::lock_guard<std::mutex> guard(team.in_use, std::adopt_lock);
    team.run(size, work, what);
}

}  // namespace threads

void Crew::wait() const {
    if (size > 1) barrier->wait(size);
}

}  // namespace lecun89
