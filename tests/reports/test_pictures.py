"""Pictures: areas in proportion, text that is escaped, colours that can be read."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

import paramcalc
from paramcalc.estimates.training_parts import PARTS
from paramcalc.reports.gauge import bars_lines, bars_picture, gauge_lines, gauge_picture
from paramcalc.reports.pictures import svg
from paramcalc.reports.pictures.components import component_map, layer_map
from paramcalc.reports.pictures.lines import Axis, Line, apart, line_chart
from paramcalc.reports.pictures.treemap import Area, Rectangle, squarify, treemap
from paramcalc.reports.table import Bars, Gauge


def test_areas_are_in_proportion():
    """The paper's example: 6, 6, 4, 3, 2, 2, 1 in a rectangle of 6 by 4."""
    rectangles = squarify([6, 6, 4, 3, 2, 2, 1], Rectangle(0, 0, 6, 4))
    assert [round(place.width * place.height, 9) for place in rectangles] == [6, 6, 4, 3, 2, 2, 1]
    assert rectangles[0] == Rectangle(0, 0, 3, 2)


def test_areas_do_not_overlap():
    rectangles = squarify([50, 20, 10, 9, 5, 3, 2, 1], Rectangle(0, 0, 100, 60))
    for i, a in enumerate(rectangles):
        for b in rectangles[i + 1:]:
            across = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
            down = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
            assert min(across, down) < 1e-9


def test_text_is_escaped():
    area = Area("<script>alert(1)</script>", 5, "#000000", 'a "quoted" & <b>')
    root = ElementTree.fromstring(treemap([area], "</title><script>"))  # noqa: S314 - our own text
    assert not [node for node in root.iter() if node.tag.endswith("script")]


def test_areas_without_value_are_left_out():
    assert treemap([Area("a", 1, "#000000", "a"), Area("b", 0, "#000000", "b")], "x").count("<rect") == 1


@pytest.mark.parametrize("colour", sorted({*svg.COLOURS.values(), *svg.SERIES}))
def test_white_text_can_be_read_on_every_colour(colour):
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5


def test_a_line_stands_where_its_values_are():
    x, y = Axis("tokens", (1, 4), str, logarithmic=True), Axis("GiB", (0, 10), str)
    root = ElementTree.fromstring(line_chart([Line("a", ((1, 0), (2, 5), (4, 10)))], x, y, "chart",  # noqa: S314
                                             level=("device", 5)))
    line, = [node for node in root.iter() if node.tag.endswith("polyline")]
    (x0, y0), (x1, y1), (x2, y2) = [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y0 - y1 == pytest.approx(y1 - y2)
    level, = [node for node in root.iter() if node.get("stroke-dasharray")]
    assert float(level.get("y1")) == pytest.approx(y1)


def test_labels_of_a_chart_have_room_and_stand_apart():
    """Half a letter across at least, as narrow as digits are; and a line of its own for each name."""
    x, y = Axis("tokens", (1, 4), str), Axis("memory", (0, 640 * 10**9), lambda value: f"{value:,.2f} GiB")
    drawn = line_chart([Line("batch 1", ((1, 0), (4, 1))), Line("batch 128", ((1, 0), (4, 2)))], x, y, "chart",
                       level=("a device with a long name", 3))
    texts = [node for node in ElementTree.fromstring(drawn).iter() if node.tag.endswith("text")]  # noqa: S314
    for node in texts:
        length, place = 0.5 * 16 * len(node.text), float(node.get("x"))
        assert (place - length if node.get("text-anchor") == "end" else place) >= 0
        assert node.get("text-anchor") or place + length <= 640
    named = sorted(float(node.get("y")) for node in texts if node.text.startswith(("batch", "a device")))
    assert all(below - above >= 16 for above, below in pairwise(named))
    assert apart([10, 100, 101], 16, 200) == [10, 85, 101]
    assert apart([205, 100], 16, 200) == [200, 100]


def test_a_tensor_in_focus_is_shown_among_those_of_its_component():
    counts = paramcalc.count("llama-3.1-8b", by="tensor").to_dict()
    full, within = component_map(counts), component_map(counts, "model.layers.*.self_attn.q_proj.weight")
    assert within == component_map(counts, "attention") != full
    assert 'data-key="model.layers.*.self_attn.q_proj.weight"' in within
    assert 'data-key="attention"' in full
    assert component_map(counts, "no such part") == full


@pytest.mark.parametrize(("name", "stacks"), [
    ("deepseek-v3", {"model.layers": 61}), ("gemma-3-12b", {"vision_tower.encoder.layers": 27,
                                                            "language_model.model.layers": 48})])
def test_a_map_of_layers_has_each_layer_and_what_is_in_none(name, stacks):
    answer = paramcalc.count(name, by="layer").to_dict()
    _, *titles = re.findall("<title>(.*?)</title>", layer_map(answer))
    sizes = {title.partition(": ")[0]: int(title.partition(": ")[2].split()[0].replace(",", "")) for title in titles}
    layers = {f"{stack}.{number}" for stack, count in stacks.items() for number in range(count)}
    assert sizes.keys() == layers | stacks.keys() | {"in no layer"}
    assert sum(sizes[part] for part in (*stacks, "in no layer")) == answer["parameters"]["total"]
    assert sum(sizes[layer] for layer in layers) == sum(sizes[stack] for stack in stacks)


def test_a_gauge_is_the_same_in_letters_and_colours():
    gauge = Gauge((("weights", 60 * 2**20), ("cache", 30 * 2**20)), 120 * 2**20, 100 * 2**20, "<card>")
    bar, legend, state = gauge_lines(gauge)
    assert bar == "[" + "W" * 30 + "C" * 15 + "." * 5 + "-" * 10 + "]"
    assert "- reserved" in legend
    assert state.strip() == "90.00 MiB of 120.00 MiB, 10.00 MiB free   <card>"
    picture = gauge_picture(gauge)
    assert [float(width) for width in re.findall(r'y="0" width="([\d.]+)"', picture)] == [320, 160, 640]
    assert "<card>" not in picture


def test_what_does_not_fit_stands_beyond_the_edge():
    gauge = Gauge((("weights", 2 * 2**30),), 2**30, 2**30, "card")
    assert gauge_lines(gauge)[0] == "[" + "W" * 60 + "]" + "W" * 14 + ">"
    assert "1.00 GiB over" in gauge_lines(gauge)[2]


def test_bars_of_several_devices_are_the_same_in_letters_and_colours():
    rows = (("stage 0", (2**30, 2**30)), ("stage 1", (2**29, 0)))
    bars = Bars(rows, (("W", "weights"), ("T", "working")), 2**31, "x")
    assert bars_lines(bars) == [f"stage 0 [{'W' * 22}{'T' * 22}] 2.00 GiB",
                                f"stage 1 [{'W' * 11}{'.' * 33}] 512.00 MiB",
                                "W weights T working, of 2.00 GiB on x"]
    picture = bars_picture(bars)
    widths = re.findall(r'width="([0-9.]+)" height="16" fill="#', picture)
    assert [float(width) for width in widths] == [320, 320, 160, 0]
    assert "stage 1   512.00 MiB" in picture


def test_every_part_of_training_has_a_colour():
    assert len(svg.SERIES) >= len(PARTS)
