"""``lecun89 explain``."""

from lecun89.cli import options, targets


def explain(
    variant: options.Variant = "base",
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Check the network's arithmetic against the paper, and time it beside the modern one.

    Layer by layer: units, connections, parameters, multiply-accumulates; then what the paper
    leaves open and what is assumed here.
    """
    from lecun89.devices import require_torch

    require_torch()
    from lecun89.analysis import arithmetic
    from lecun89.render import explaintables as tables
    from lecun89.variants import get_variant

    options.set_up_logging(quiet=quiet, verbose=verbose)
    chosen = get_variant(variant)
    targets.set_up_device("cpu", 1)
    explanation = arithmetic.explain(chosen)
    if json:
        options.print_json(tables.document(explanation))
        return
    options.print_words(f"{chosen.name}: {chosen.change}")
    options.print_table(tables.layers_table(explanation))
    if quiet:
        return
    options.print_words("units of all: with the 256 pixels, as the paper counts")
    options.print_table(tables.open_table())
    options.print_table(tables.assumptions_table(explanation))
    options.print_table(tables.costs_table(explanation))
    options.print_words("PyTorch on the CPU, one thread, medians of 5 in turn")
