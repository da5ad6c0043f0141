"""Learning rates over a training: their values, warm-up, several rates at once, and that they can be resumed."""

from __future__ import annotations

import io
from itertools import product
from typing import Any

import pytest
import torch
from torch import nn, optim

from helpers.library import training
from soundbench.training.optimizers import OPTIMIZERS, build_optimizer
from soundbench.training.schedules import SCHEDULES, Schedule

EPOCHS, STEPS = 6, 5
COMPLETE = {"step": {"step_epochs": [2, 4]}, "plateau": {"plateau_epochs": 2}}
STUCK = [1.0, 0.5, 0.5, 0.6, 0.4, 0.4]  # losses: two epochs without a lower one end with the fourth


def settings(schedule: str, **changes: Any) -> dict[str, Any]:
    asked = {"epochs": EPOCHS, "learning_rate": 1.0, "optimizer": "sgd", "schedule": schedule}
    return training(**asked | COMPLETE.get(schedule, {}) | changes)


def rates(schedule: str, losses: list[float] = STUCK, **changes: Any) -> list[float]:
    """The rate of every step of a training."""
    wanted = settings(schedule, **changes)
    optimizer = build_optimizer(nn.Linear(1, 1), wanted)
    plan, found = Schedule(optimizer, wanted, STEPS), []
    for loss in losses:
        for _ in range(STEPS):
            found.append(plan.rate)
            optimizer.step()
            plan.step()
        plan.end_epoch(loss)
    return found


def by_epoch(*values: float) -> list[float]:
    return pytest.approx([value for value in values for _ in range(STEPS)])


def test_rates_of_every_schedule() -> None:
    assert rates("constant") == by_epoch(1, 1, 1, 1, 1, 1)
    assert rates("step") == by_epoch(1, 1, 0.1, 0.1, 0.01, 0.01)
    assert rates("step", step_epochs=1, step_factor=0.5) == by_epoch(1, 0.5, 0.25, 0.125, 0.0625, 0.03125)
    assert rates("step", step_epochs=4, step_factor=0.5) == by_epoch(1, 1, 1, 1, 0.5, 0.5)
    assert rates("plateau") == by_epoch(1, 1, 1, 1, 0.1, 0.1)
    cosine = 0.5 * (1 + torch.cos(torch.pi * torch.arange(EPOCHS * STEPS) / (EPOCHS * STEPS)))
    assert rates("cosine") == pytest.approx(cosine.tolist(), abs=1e-6)
    peak = rates("onecycle")
    assert max(peak) == pytest.approx(1)
    assert 0 < peak.index(max(peak)) < len(peak) / 2
    assert peak[-1] < 1e-3


@pytest.mark.parametrize("schedule", sorted(set(SCHEDULES) - {"onecycle"}))
def test_warm_up_rises_to_the_schedule(schedule: str) -> None:
    plain, warm = rates(schedule), rates(schedule, warmup_epochs=3)
    rising = [min(1, (step + 1) / (3 * STEPS + 1)) for step in range(EPOCHS * STEPS)]
    assert warm == pytest.approx([rate * share for rate, share in zip(plain, rising, strict=True)], abs=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_of_several_groups_keep_their_ratio(schedule: str) -> None:
    wanted = settings(schedule)
    weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]
    optimizer = optim.SGD([{"params": weights[:1]}, {"params": weights[1:], "lr": 0.1}], lr=1.0, momentum=0.9)
    plan = Schedule(optimizer, wanted, STEPS)
    for loss in STUCK:
        for _ in range(STEPS):
            optimizer.step()
            plan.step()
        plan.end_epoch(loss)
        high, low = (group["lr"] for group in optimizer.param_groups)
        assert low == pytest.approx(high / 10)
        assert plan.rate == high


@pytest.mark.parametrize(("schedule", "warmup"), [c for c in product(SCHEDULES, [0, 1.5]) if c != ("onecycle", 1.5)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_goes_with_every_schedule_and_resumes_to_the_same_bits(
    optimizer: str, schedule: str, warmup: float
) -> None:
    wanted = settings(schedule, optimizer=optimizer, warmup_epochs=warmup, learning_rate=0.1)

    def start() -> tuple[nn.Module, optim.Optimizer, Schedule]:
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
        chosen = build_optimizer(network, wanted)
        return network, chosen, Schedule(chosen, wanted, STEPS)

    def weights(interrupted: int | None) -> torch.Tensor:
        network, chosen, plan = start()
        for step in range(EPOCHS * STEPS):
            if step == interrupted:
                saved = io.BytesIO()
                torch.save([network.state_dict(), chosen.state_dict(), plan.state_dict()], saved)
                saved.seek(0)
                network, chosen, plan = start()
                for part, state in zip((network, chosen, plan), torch.load(saved, weights_only=True), strict=True):
                    part.load_state_dict(state)
            chosen.zero_grad()
            network(torch.ones(4, 3)).square().sum().backward()
            chosen.step()
            plan.step()
            if step % STEPS == STEPS - 1:
                plan.end_epoch(STUCK[step // STEPS])
        return network.weight.detach()

    whole = weights(None)
    assert not torch.equal(whole, start()[0].weight)
    assert all(torch.equal(weights(step), whole) for step in (2, 12, 27))
