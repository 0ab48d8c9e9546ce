"""How steps are executed: one file per engine, behind one protocol; `choose` picks one."""

from lecun89.engines.choice import (
    ENGINES,
    EngineChoice,
    EngineKind,
    choose,
    describe_machine,
    get_engine,
    list_engines,
    make_engine,
)
from lecun89.engines.protocol import Engine

__all__ = [
    "ENGINES",
    "Engine",
    "EngineChoice",
    "EngineKind",
    "choose",
    "describe_machine",
    "get_engine",
    "list_engines",
    "make_engine",
]
