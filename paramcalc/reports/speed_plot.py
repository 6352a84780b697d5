"""The picture of `speed`: throughput against what one user gets, and time a token against the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.speed import Requests
from paramcalc.numbers import many
from paramcalc.reports.plot import saved

if TYPE_CHECKING:
    from pathlib import Path

    from paramcalc.answers.speed import SpeedAnswer
    from paramcalc.estimates.speed import Speed

COLOR = "#4c78a8"
STEPS = 24


def draw(path: Path, answer: SpeedAnswer) -> None:
    """Write the picture. Raises UsageError where it cannot be drawn or written."""
    speed = answer.speed
    if speed is None or answer.failed:
        raise UsageError(Problem("--plot needs an accelerator with room for a request", hint="leave --all out"))
    with saved(path, 1.0) as (figure, (left, right)):
        _interactivity(left, speed, [point.concurrency for point in answer.points])
        _prompts(right, speed, answer.points[-1].concurrency)
        assumptions = answer.assumptions
        figure.suptitle(f"{answer.model.name}: {assumptions['gpus']} × {assumptions['gpu']}, {assumptions['runtime']}")


def _interactivity(axes: Any, speed: Speed, marked: list[int]) -> None:  # noqa: ANN401 - matplotlib's
    """Tokens a second of a device against tokens a second of a user, from one request to all that have room."""
    most = max(2, speed.most_requests)
    numbers = sorted({max(1, round(most ** (step / STEPS))) for step in range(STEPS + 1)})
    rates = [speed.point(number).tokens_per_second for number in numbers]
    users = [rate.expected / number for rate, number in zip(rates, numbers, strict=True)]
    axes.plot(users, [rate.expected / speed.devices for rate in rates], color=COLOR)
    axes.fill_betweenx([rate.expected / speed.devices for rate in rates],
                       [rate.low / number for rate, number in zip(rates, numbers, strict=True)],
                       [rate.high / number for rate, number in zip(rates, numbers, strict=True)], alpha=0.2,
                       color=COLOR)
    for number in marked:
        rate = speed.point(number).tokens_per_second.expected
        axes.annotate(f"{number:,}", (rate / speed.point(number).running, rate / speed.devices),
                      xytext=(3, 3), textcoords="offset points")
    axes.set(xlabel="tokens/s of a user", ylabel="tokens/s of a device", title="by requests in flight", xlim=(0, None),
             ylim=(0, None))


def _prompts(axes: Any, speed: Speed, number: int) -> None:  # noqa: ANN401 - matplotlib's
    """Milliseconds a token against the prompt's length, with the range."""
    top = 4 * speed.requests.prompt
    prompts = sorted({max(1, top * step // STEPS) for step in range(1, STEPS + 1)})
    points = [speed.with_requests(Requests(prompt, speed.requests.output)).point(number).tpot.times(1000)
              for prompt in prompts]
    axes.plot(prompts, [point.expected for point in points], color=COLOR)
    axes.fill_between(prompts, [point.low for point in points], [point.high for point in points], alpha=0.2,
                      color=COLOR)
    axes.axvline(speed.requests.prompt, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlabel="tokens of a prompt", ylabel="ms a token", title=many(number, 'request'), xlim=(0, top),
             ylim=(0, None))
