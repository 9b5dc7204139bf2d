"""Start a project in a repository: look at what is there, choose what to measure, and say which files that makes.

``look`` reads and changes nothing; ``choose`` and ``files`` are pure. Nothing of the repository is imported or run.
"""

from memcap.init.choose import Choice, ChosenLock, ImageKind, Wishes, choose
from memcap.init.look import Repository, look
from memcap.init.planned_files import LOCK_HEADER, PlannedFile, limits_additions, plan_files, services_in_the_way
