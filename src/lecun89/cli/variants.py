"""``lecun89 variants``."""

from lecun89.cli import options


def variants(
    json: options.Json = False, quiet: options.Quiet = False, verbose: options.Verbose = False
) -> None:
    """List the registry: every variant, a rung of the ladder from 1989 to 2022."""
    from lecun89.network.published import published_data
    from lecun89.variants import VARIANTS

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if quiet and not json:
        print("\n".join(VARIANTS))
        return
    from lecun89.render import varianttables as tables

    registry, published = list(VARIANTS.values()), published_data()
    if json:
        options.print_json({"variants": tables.variant_documents(registry, published)})
        return
    width = options.stdout_console().width
    print("\n".join(tables.variants_lines(registry, published, width)))
    if verbose:
        options.print_table(tables.fields_table(registry))
