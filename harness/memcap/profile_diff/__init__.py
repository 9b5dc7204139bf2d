"""What changed between two allocation profiles, by line and by stack. Pure."""

from __future__ import annotations

from memcap.profile_diff.boxes import Box, boxes_of
from memcap.profile_diff.diff import Explanation, LineChange, ProfileDiff, StackChange, diff_profiles
