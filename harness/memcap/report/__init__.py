"""Reports: one view object, and one file for each form that it is rendered in."""

from __future__ import annotations

from memcap.report.view import View, build_view
