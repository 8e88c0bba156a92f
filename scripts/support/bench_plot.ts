/** The picture of a benchmark: where the processor time of pulls goes. */

import { BarChart } from "echarts/charts";
import { GridComponent, LegendComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

/** A part of a run's processor time. */
export interface Part {
  readonly what: string;
  /** Milliseconds. */
  readonly ms: number;
}

const WIDTH = 900;
const HEIGHT_OF_BAR = 34;
const HEIGHT_OF_REST = 130;

/**
 * Draws a bar per pull, of its parts one after the other.
 *
 * @param pulls parts by the pull's name, from the top.
 * @returns the text of an SVG file, which shows on a light and on a dark page.
 */
export function plotParts(pulls: ReadonlyMap<string, readonly Part[]>): string {
  use([BarChart, GridComponent, LegendComponent, SVGRenderer]);
  const names = [...pulls.keys()];
  const kinds = new Set([...pulls.values()].flat().map(({ what }) => what));
  const chart = init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: HEIGHT_OF_REST + HEIGHT_OF_BAR * names.length,
  });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: "#ffffff",
      legend: { top: 8, left: 8, orient: "horizontal", textStyle: { fontSize: 12 } },
      grid: { left: 8, right: 24, top: 72, bottom: 28 },
      xAxis: { type: "value", name: "ms of processor time", nameLocation: "middle", nameGap: 24 },
      yAxis: { type: "category", inverse: true, data: names },
      series: [...kinds].map((kind) => ({
        type: "bar",
        stack: "all",
        name: kind,
        label: { show: true, fontSize: 11, formatter: "{c}" },
        data: names.map((name) => {
          const part = pulls.get(name)?.find(({ what }) => what === kind);
          return part === undefined ? null : Number(part.ms.toFixed(1));
        }),
      })),
    });
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}
