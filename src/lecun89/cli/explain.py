"""``lecun89 explain``."""

from dataclasses import asdict

from lecun89.cli import options, targets
from lecun89.exceptions import UsageError


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
    from lecun89.analysis.arithmetic import ASSUMPTIONS, assumed, layer_rows, measure_costs
    from lecun89.variants import get_variant
    from lecun89.variants.overrides import ASSUMPTIONS as SWITCHES

    options.set_up_logging(quiet=quiet, verbose=verbose)
    chosen = get_variant(variant)
    if chosen.structure == "microvit":
        raise UsageError(f"explain is about the network of 1989, {chosen.name} is another")
    targets.set_up_device("cpu", 1)
    rows = layer_rows()
    compared = [get_variant("base"), get_variant("modern")]
    if chosen not in compared:
        compared.append(chosen)
    costs = measure_costs(compared)
    if json:
        options.print_json(
            {
                "variant": chosen.name,
                "layers": [{**asdict(row), "equal": row.equal} for row in rows],
                "assumptions": [
                    {"what": what, "here": here, "paper": paper}
                    for what, here, paper in ASSUMPTIONS
                ],
                "switches": [
                    {"key": key, "values": list(SWITCHES[key]), "value": value}
                    for key, value in assumed(chosen).items()
                ],
                "costs": [asdict(cost) for cost in costs],
            }
        )
        return
    from lecun89.render.tables import plain_table

    print(f"{chosen.name}: {chosen.change}")
    columns = ["layer", ">units", ">activations", ">connections", ">parameters", ">MACs", "paper"]
    cells = [
        (
            row.name,
            f"{row.units:,}",
            f"{row.activations:,}",
            f"{row.connections:,}",
            f"{row.parameters:,}",
            f"{row.macs:,}",
            "equal" if row.equal else "{:,} / {:,} / {:,}".format(*row.paper),
        )
        for row in rows
    ]
    options.print_table(plain_table(columns, cells))
    if quiet:
        return
    print("units of all: with the 256 pixels, as the paper counts")
    options.print_table(plain_table(["open in the paper", "in base", "paper"], ASSUMPTIONS))
    switches = [
        (f"{key}=", ", ".join(SWITCHES[key]), value or "another")
        for key, value in assumed(chosen).items()
    ]
    options.print_table(plain_table(["--assume", "one of", f"in {chosen.name}"], switches))
    times = [
        (
            cost.variant,
            f"{cost.file_bytes:,} bytes",
            f"{cost.single_us:.0f} us",
            f"{cost.batched_us:.1f} us",
        )
        for cost in costs
    ]
    columns = ["to read a digit", ">weights file", ">alone", ">in a batch of 1,000"]
    options.print_table(plain_table(columns, times))
    print("PyTorch on the CPU, one thread, medians of 5 in turn")
