"""LLMAgent: asks a language model what to do, and audits every prompt. Python 3.8+, standard library only.

The model is scripted: no network and no weights, but real prompts, real JSON answers, really parsed.
"""

from __future__ import annotations

import json
import zlib
from typing import Dict

from base import Action, BaseAgent
from bounded import AuditLog, Bounds
from world import Observation, Prose

SYSTEM_PROMPT = (
    "You are an agent in a market of agents. Weigh reputation, past payoffs and risk. "
    "Answer with one JSON object with the keys action, target and reasoning.\n"
)
AUDITED_CHARACTERS = 240
REMEMBERED_STEPS = 4


class ScriptedModel:
    """Answer prompts without a model behind it; the same prompt gets the same decision."""

    def __init__(self, prose: Prose) -> None:
        self._prose = prose

    def complete(self, prompt: str, candidates: Dict[int, str]) -> str:
        """Return a JSON answer of about 500 characters."""
        choice = zlib.crc32(prompt.encode()) % len(candidates)
        answer = {"action": "trade", "target": candidates[choice], "reasoning": self._prose.paragraph(5)}
        return json.dumps(answer)


class LLMAgent(BaseAgent):
    """Remembers each exchange (prompt and answer), and keeps an audit line for each prompt."""

    def __init__(self, agent_id: str, bounds: Bounds, prose: Prose, seed: int = 0) -> None:
        super().__init__(agent_id, bounds, seed)
        self.model = ScriptedModel(prose)
        self.audit = AuditLog(bounds.audit)

    def act(self, observation: Observation) -> Action:
        """Ask the model; the exchange becomes the reason of the action."""
        prompt = self.prompt(observation)
        candidates = {place: peer["agent_id"] for place, peer in enumerate(observation["agents"])}
        answer = self.model.complete(prompt, candidates)
        self.audit.write(audit_line(self.agent_id, observation["epoch"], prompt, answer))
        decision = json.loads(answer)
        return Action(decision["action"], decision["target"], {"prompt": prompt, "answer": decision})

    def prompt(self, observation: Observation) -> str:
        """Compose the system prompt, the last steps and the observation, about 2 500 characters."""
        parts = [SYSTEM_PROMPT]
        for back in range(min(REMEMBERED_STEPS, len(self.memory)), 0, -1):
            past = self.memory[-back]
            parts.append(f"epoch {past.epoch}: {past.action.kind} with {past.action.target}\n")
        parts.append(json.dumps(observation))
        return "".join(parts)

    def retained(self) -> Dict[str, float]:
        """Add the audit log to the count."""
        return {**super().retained(), "audit_entries": len(self.audit), "audit_dropped": self.audit.dropped}


def audit_line(agent_id: str, epoch: int, prompt: str, answer: str) -> str:
    """Return the line that the audit keeps: sizes, checksum and the beginning, never the whole prompt."""
    record = {
        "agent": agent_id,
        "epoch": epoch,
        "prompt_characters": len(prompt),
        "answer_characters": len(answer),
        "checksum": zlib.crc32(prompt.encode()),
        "beginning": prompt[:AUDITED_CHARACTERS],
    }
    return json.dumps(record)
