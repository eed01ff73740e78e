"""`skipscope models`: the networks and what they are made of."""

from typing import TYPE_CHECKING, Annotated

import typer

from skipscope.cli.options import Json, console, print_json, print_table, say, table_of
from skipscope.language import spoken

if TYPE_CHECKING:
    from skipscope.records.network_card import AnatomyCard

app = typer.Typer(help="Show the networks and what they are made of.", invoke_without_command=True)


@app.callback()
def overview(context: typer.Context) -> None:
    """Show the networks and what they are made of."""
    if context.invoked_subcommand is not None:
        return
    from skipscope.anatomy.describe import describe
    from skipscope.models.registry import FAMILIES, NETWORKS, USERS

    table = table_of("network", numbers=("parameters", "multiply-adds"), indent=2)
    for name in NETWORKS:
        card = describe(name)
        table.add_row(name, f"{card.params:,}", f"{card.macs:,}")
    print_table(table)
    console.print("\nand every network with a name of these forms:")
    for rule in (*FAMILIES, USERS):
        say(f"  {spoken(rule)}")
    console.print("\nskipscope models show NAME   its structure, and the shape after each stage")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A network, such as resnet, resnet20, mynet.py:Net.")],
    text: Annotated[bool, typer.Option("--text", help="Print print(net) and nothing else.")] = False,
    json: Json = False,
) -> None:
    """Show one network: shapes, parameters and multiply-adds of each stage, then print(net)."""
    from skipscope.anatomy.describe import describe
    from skipscope.records.printed import anatomy_of

    card = describe(name)
    if json:
        stages = [stage.model_dump() for stage in card.stages]
        counts = {"params": card.params, "macs": card.macs}
        anatomy = anatomy_of(card).model_dump()
        print_json({"schema": 1, "name": name, **counts, "stages": stages, "anatomy": anatomy})
        return
    if text:
        typer.echo(card.structure)
        return
    table = table_of("stage", "module", "C x H x W", numbers=("parameters", "multiply-adds"))
    table.add_row(spoken("input"), "", "3 x 32 x 32", "", "")
    for stage in card.stages:
        shape = " x ".join(str(side) for side in stage.shape)
        table.add_row(stage.name, stage.kind, shape, f"{stage.params:,}", f"{stage.macs:,}")
    table.add_section()
    table.add_row(f"[bold]{spoken('sum')}", "", "", f"[bold]{card.params:,}", f"[bold]{card.macs:,}")
    print_table(table)
    console.print(
        "\nMultiply-adds of convolutions and matrix products, for one image. "
        "A module that is called again counts its parameters once.\n"
    )
    _show_anatomy(anatomy_of(card))
    typer.echo(card.structure)


def _show_anatomy(found: "AnatomyCard") -> None:
    """Prints how many shortcuts, gates and concatenations a network has, and what was not followed."""
    from skipscope.anatomy.follow import REASONS

    joins = {"shortcuts": found.shortcuts, "gates": found.gates, "concatenations": found.concatenations}
    counts = (f"{spoken(word)}: {len(entries)}" for word, entries in joins.items())
    console.print(f"{spoken('depth')}: {found.depth}   {'   '.join(counts)}")
    if weighed := [each.scale for each in found.shortcuts if each.scale != "none"]:
        by = "numbers, one a channel," if "by_channel" in weighed else "a number"
        console.print(f"branches weighed by {by} that no image changes (no gates): {len(weighed)}")
    for each in found.unfollowed:
        say(f"not followed: {each.module or 'the network'} {REASONS[each.reason]}")
    console.print()
