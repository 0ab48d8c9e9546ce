"""``lecun89 variants``."""

from dataclasses import asdict

from lecun89.cli import options


def variants(
    json: options.Json = False, quiet: options.Quiet = False, verbose: options.Verbose = False
) -> None:
    """List the registry: every variant, a rung of the ladder from 1989 to 2022."""
    from lecun89.network.architecture import (
        ACTIVATIONS,
        MACS,
        PARAMETERS,
        count_macs,
        count_parameters,
    )
    from lecun89.network.published import PUBLISHED
    from lecun89.variants import VARIANTS

    options.set_up_logging(quiet=quiet, verbose=verbose)
    published: dict[str, list[str]] = {}
    for one in PUBLISHED:
        published.setdefault(one.variant, []).append(one.data)
    if json:
        documents = [
            {
                **asdict(variant),
                "parameters": count_parameters(variant.structure),
                "macs": count_macs(variant.structure),
                "published": published.get(variant.name, []),
                "activations": None if variant.structure == "microvit" else ACTIVATIONS,
            }
            for variant in VARIANTS.values()
        ]
        options.print_json({"variants": documents})
        return
    if quiet:
        print("\n".join(VARIANTS))
        return
    from lecun89.render.tables import plain_table, variants_table

    counts = (PARAMETERS, MACS, ACTIVATIONS)
    options.print_table(variants_table(VARIANTS.values(), counts, published))
    if verbose:
        fields = [asdict(variant) for variant in VARIANTS.values()]
        rows = [
            (key.replace("_", " "), *(str(field[key]) for field in fields))
            for key in fields[0]
            if key not in ("name", "change", "passes", "on_data")
        ]
        options.print_table(plain_table(["", *VARIANTS], rows))
