"""The page: figures and tables of a material, set by the template."""

import json
import pathlib
from typing import Any

import jinja2
import plotly.graph_objects as go
from markupsafe import Markup

from scripts.report import (
    answer,
    chain,
    fans,
    flips,
    guarantee,
    heatmap,
    hurdle,
    leases,
    look_through,
    method,
    positions,
    sankey,
    tie_outs,
    timeline,
    timing,
    tornado,
)
from scripts.report.style import chip, layer, quarter

HERE = pathlib.Path(__file__).parent
CONFIG = {"displayModeBar": False, "responsive": True, "showTips": False}


def render(material: dict[str, Any]) -> str:
    """The whole page as HTML; nothing in it is fetched from anywhere."""
    from plotly.offline import get_plotlyjs

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = _Figures()
    template = environment.get_template("template.html.j2")
    return template.render(
        plotly=Markup(get_plotlyjs().replace("</script", "<\\/script")),
        figure=drawn.place,
        **_content(material),
    )


class _Figures:
    """Hands out one place per figure."""

    def __init__(self) -> None:
        self.count = 0

    def place(self, shown: go.Figure, says: str) -> Markup:
        """A figure with its text alternative."""
        self.count += 1
        spec = json.loads(str(shown.to_json()))
        spec["layout"].pop("template", None)
        text = json.dumps(spec, separators=(",", ":"), allow_nan=False)
        text = (
            text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        )
        height = spec["layout"].get("height", 380)
        return Markup(
            '<div class="plot" id="f{0}" role="img" aria-label="{1}" '
            'style="height:{2}px"></div>'
            '<script>Plotly.newPlot("f{0}",Object.assign({3},{{config:{4}}}));</script>'
        ).format(self.count, says, height, Markup(text), Markup(json.dumps(CONFIG)))


def _content(material: dict[str, Any]) -> dict[str, Any]:
    study, figures = material["breakeven"], material["figures"]
    layers = study["layers"]
    charted = tornado.charted(study)
    charted.sort(key=lambda name: name != study["earliest"])
    maps = material.get("maps") or {}
    headings, lost = timeline.losses(material)
    paths = material["paths"]
    payments = paths["base"]["capital"]
    rows = timing.rows(study)
    return {
        "as_of": quarter(material["config"]["as_of"]),
        "config": material["config"],
        "sentences": answer.sentences(material),
        "hurdle_rows": hurdle.rows(material["hurdle"]),
        "hurdle_slopes": hurdle.derivatives(material["hurdle"]),
        "hurdle_chart": hurdle.chart(material),
        "solvency": [row for row in rows if not row["is_return"]],
        "returns": [row for row in rows if row["is_return"]],
        "horizon": quarter(material["config"]["horizon"]),
        "base_midpoint": study.get("base"),
        "tornados": [
            {
                "name": layer(name),
                "when": timing.when(layers[name]),
                "status": chip(layers[name]["status"]),
                "chart": tornado.chart(layers[name], figures),
                "checks": tornado.checks(layers[name]),
                "event": timing.event(layers[name]),
                "steep": tornado.steep(layers[name], figures),
                "is_open": name == study["earliest"] or name == answer.RETURN,
            }
            for name in charted
        ],
        "maps": [
            {
                "kind": {"future": "new debt", "all": "all debt"}.get(kind, kind),
                "criterion": layer(table["criterion"]),
                "chart": heatmap.chart(table),
            }
            for kind, table in maps.items()
        ],
        "map_legend": heatmap.legend(list(maps.values())),
        "timeline": timeline.chart(material),
        "orders": timeline.orders(material),
        "stories": headings,
        "losses": lost,
        "holders": timeline.holders(material),
        "verdicts": timeline.verdicts(material),
        "fan_scenarios": material["fans"]["scenarios"],
        "headroom_fans": fans.headrooms(material),
        "dscr_fans": fans.covers(material),
        "capital": sankey.capital(payments),
        "capital_left_out": sankey.left_out(payments),
        "capital_legend": sankey.legend(payments),
        "chains": chain.content(material),
        "leaks": chain.leaks(material),
        "flip_heads": flips.heads(material),
        "flips": flips.rows(material),
        "flips_silent": flips.silent(material),
        "guarantee": guarantee.content(material),
        "positions": positions.content(material),
        "look_through": look_through.content(material),
        "leases": leases.content(material),
        "tie_outs": tie_outs.content(material),
        "method": method.content(material),
    }
