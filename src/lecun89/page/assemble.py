"""One HTML file from its parts: nothing in it is loaded from anywhere."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from lecun89.exceptions import UsageError
from lecun89.page.digits import pack_digits
from lecun89.page.facts import Shown, gather, why_not_shown
from lecun89.variants import VARIANTS, Variant, get_variant

_MARK = '<meta name="generator" content="lecun89">'
_WORKER = "worker.js"
_MAIN = "main.js"
_IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)


def _trains(variant: Variant) -> bool:
    """Whether the page's kernel has code for its steps: one digit at a time, as they are."""
    return (
        why_not_shown(variant) is None
        and variant.activation in ("tanh", "scaled_tanh", "relu")
        and variant.batch_size == 1
        and variant.schedule == "linear"
        and not (variant.distorts or variant.shuffle or variant.teacher or variant.label_smoothing)
    )


PAGE_VARIANTS = tuple(name for name, one in VARIANTS.items() if _trains(one.on("1989")))
"""Names of the variants that a page can train."""


def assemble(variants: Sequence[str], networks: Sequence[Shown], directory: Path) -> bytes:
    """The page: HTML, style, scripts, kernel, digits, networks.

    Args:
        variants: names of those that it trains, the first chosen when it opens.
        networks: trained networks, the first in the page when it opens.
        directory: the data directory, for digits of ``1989``.

    Returns:
        The bytes of the file; the same for the same input.

    Raises:
        UsageError: a variant is unknown, or no page can train or show it.
        DataUnavailableError: the digits are damaged and cannot be made again.
    """
    for name in variants:
        if not _trains(get_variant(name).on("1989")):
            raise UsageError(
                f"the page cannot train {name}: choose from {', '.join(PAGE_VARIANTS)}"
            )
    for one in networks:
        if reason := why_not_shown(get_variant(one.weights.variant)):
            raise UsageError(f"the page cannot show {one.name}: {reason}")
    facts = json.dumps(gather(variants, networks, directory), allow_nan=False, sort_keys=True)
    data = {
        "kernel": ("text/plain", _encoded(_part("kernel.wasm"))),
        "kernel-relaxed": ("text/plain", _encoded(_part("kernel-relaxed.wasm"))),
        "digits": ("text/plain", _encoded(pack_digits(directory))),
        "facts": ("application/json", facts.replace("<", "\\u003c")),
        "worker": ("text/plain", joined(_WORKER).replace("</", "<\\/")),
    }
    style, script = _text("style.css"), joined(_MAIN)
    places = {
        "policy": f"{_policy(style, script)}\n{_MARK}",
        "style": f"<style>{style}</style>",
        "data": "\n".join(
            f'<script type="{kind}" id="{name}">{content}</script>'
            for name, (kind, content) in data.items()
        ),
        "script": f'<script type="module">{script}</script>',
    }
    page = _text("template.html")
    for name, content in places.items():
        before, after = page.split(f"<!-- {name} -->")
        page = before + content + after
    return page.encode()


def is_page(path: Path) -> bool:
    """Whether a file was written by this command; a pipe is not waited for."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return _MARK.encode() in file.read(4096)
    except (OSError, ValueError):
        return False


@cache
def joined(name: str) -> str:
    """A script with all that it imports, each before what needs it, as one module.

    Their top-level names must differ, and nothing may be renamed on import.
    """
    order: list[str] = []

    def visit(script: str) -> None:
        if script not in order:
            for _, needed in _IMPORT.findall(_text(script)):
                visit(needed)
            order.append(script)

    visit(name)
    return "".join(_EXPORT.sub("", _IMPORT.sub("", _text(script))) for script in order)


def _policy(style: str, script: str) -> str:
    """Only what is in the file runs, and nothing is requested."""
    rules = (
        *("default-src 'none'", f"script-src {_hash(script)} 'wasm-unsafe-eval' blob:"),
        *(f"style-src {_hash(style)}", "img-src data:", "worker-src blob:"),
        *("base-uri 'none'", "form-action 'none'"),
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'


def _hash(text: str) -> str:
    return f"'sha256-{_encoded(hashlib.sha256(text.encode()).digest())}'"


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _part(name: str) -> bytes:
    return resources.files("lecun89.page").joinpath(name).read_bytes()


def _text(name: str) -> str:
    return _part(name).decode().replace("\r\n", "\n")
