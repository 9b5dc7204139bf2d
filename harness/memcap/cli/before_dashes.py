"""Commands of the form ``IMAGE -- CMD``: what comes first after ``--`` is a program, never the image."""

from __future__ import annotations

import shlex

import click

from memcap.errors import UsageError


class NamesBeforeDashes(click.Command):
    """A command that wants what it works on before ``--``, and says so where it is not there."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as any command does. Raises UsageError where ``--`` comes before all names."""
        if "--" in args:
            before = args[: args.index("--")]
            given, _, _ = self.make_parser(ctx).parse_args(list(before))
            named = (given.get(name) for name in ("image", "words", "container"))
            if not any(isinstance(each, (str, tuple, list)) and each for each in named):  # else a mark of click's
                told = f"memcap {self.name} {shlex.join([*before, 'IMAGE', *args[len(before) :]])}"
                raise UsageError("no image is named before `--`", remedy=f"Say in which image: {told}")
        return super().parse_args(ctx, args)
