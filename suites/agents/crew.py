"""CrewBackedAgent: a crew of four roles works on every decision. Python 3.8+, standard library only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Deque, Dict, List

from base import Action, BaseAgent
from bounded import Bounds
from world import Observation, Prose

ROLES = ("researcher", "analyst", "critic", "writer")


@dataclass
class TaskOutput:
    """What one member made of its task: the context it was given, and its own text."""

    role: str
    epoch: int
    context: str
    text: str
    facts: Dict[str, float]


class CrewMember:
    """One role of the crew, with a memory of its own work."""

    def __init__(self, role: str, bounds: Bounds, prose: Prose) -> None:
        self.role = role
        self.memory: Deque[TaskOutput] = deque(maxlen=bounds.memory)
        self._prose = prose

    def work(self, epoch: int, observation: Observation, earlier: List[TaskOutput]) -> TaskOutput:
        """Write a report of about 1 000 characters from the posts and the colleagues' earlier reports."""
        posts = [f"{post['author']}: {post['text']}" for post in observation["posts"]]
        context = "\n".join(posts + [f"{output.role} says: {output.text}" for output in earlier])
        facts = {peer["agent_id"]: peer["reputation"] for peer in observation["agents"]}
        output = TaskOutput(self.role, epoch, context, self._prose.paragraph(12), facts)
        self.memory.append(output)
        return output


class CrewBackedAgent(BaseAgent):
    """Lets its crew work one after the other, then acts on what the reports agree on."""

    def __init__(self, agent_id: str, bounds: Bounds, prose: Prose, seed: int = 0) -> None:
        super().__init__(agent_id, bounds, seed)
        self.crew = [CrewMember(role, bounds, prose) for role in ROLES]

    def act(self, observation: Observation) -> Action:
        """Run the crew; its last report is the reason of the action."""
        outputs: List[TaskOutput] = []
        for member in self.crew:
            outputs.append(member.work(observation["epoch"], observation, outputs))
        standing: Dict[str, float] = {}
        for output in outputs:
            for peer, reputation in output.facts.items():
                standing[peer] = standing.get(peer, 0.0) + reputation
        best = max(standing, key=lambda peer: standing[peer])
        return Action("trade", best, outputs[-1].text)

    def retained(self) -> Dict[str, float]:
        """Add the memories of the crew to the count."""
        return {**super().retained(), "crew_entries": sum(len(member.memory) for member in self.crew)}
