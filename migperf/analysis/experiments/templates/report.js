"use strict";
{
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const themed = (layout) => {
    const axis = { gridcolor: colour("--rule"), linecolor: colour("--rule"), zerolinecolor: colour("--rule") };
    const made = {
      ...layout,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--ink"), family: "system-ui, sans-serif", size: 13 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--quiet"), activecolor: colour("--ink") },
    };
    for (const name of ["xaxis", "yaxis"]) made[name] = { ...layout[name], ...axis };
    return made;
  };
  const charts = [...document.querySelectorAll(".chart")].map((element) => {
    const drawing = JSON.parse(document.getElementById(element.dataset.drawing).textContent);
    return { element, drawing };
  });
  const config = {
    responsive: true,
    displaylogo: false,
    modeBarButtonsToRemove: ["lasso2d", "select2d"],
    // Plotly offers by default to publish a chart on a server of its maker.
    showSendToCloud: false,
    plotlyServerURL: "",
  };
  const draw = () => {
    for (const { element, drawing } of charts) {
      Plotly.react(element, drawing.data, themed(drawing.layout), config);
    }
  };
  draw();
  dark.addEventListener("change", draw);
}
