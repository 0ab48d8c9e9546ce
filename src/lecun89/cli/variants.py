"""``lecun89 variants``."""

from dataclasses import asdict

from lecun89.cli import options


def variants(json: options.Json = False) -> None:
    """List the registry: every variant, a rung of the ladder from 1989 to 2022."""
    from lecun89.architecture import ACTIVATIONS, MACS, PARAMETERS
    from lecun89.variants import VARIANTS

    if json:
        counts = {"parameters": PARAMETERS, "macs": MACS, "activations": ACTIVATIONS}
        documents = [{**asdict(variant), **counts} for variant in VARIANTS.values()]
        options.print_json({"variants": documents})
        return
    from lecun89.render.tables import variants_table

    options.print_table(variants_table(VARIANTS.values(), (PARAMETERS, MACS, ACTIVATIONS)))
