"""Commands of the form ``IMAGE -- CMD``: what comes first after ``--`` is a program, never the image."""

from __future__ import annotations

import shlex

import click

from memcap.errors import UsageError


class NamesBeforeDashes(click.Command):
    """A command that wants what it works on before ``--``, and says so where it is not there."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as any command does. Raises UsageError where there are no names, or ``--`` comes before all of them."""
        before = args[: args.index("--")] if "--" in args else args
        given, _, _ = self.make_parser(ctx).parse_args(list(before))
        named = (given.get(name) for name in ("image", "words", "container"))
        if not any(isinstance(each, (str, tuple, list)) and each for each in named):  # else a mark of click's
            if "--network" in before:
                raise UsageError(
                    f"--network takes the name of a network: it took {given.get('network')!r}, and no image is left",
                    remedy="What --network alone was is --network bridge now; others are none, host and your own.",
                )
            if "--" in args:
                told = f"memcap {self.name} {shlex.join([*before, 'IMAGE', *args[len(before) :]])}"
                raise UsageError("no image is named before `--`", remedy=f"Say in which image: {told}")
        return super().parse_args(ctx, args)
