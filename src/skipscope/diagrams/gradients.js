/* The diagram of gradients: every convolution has the colour of the loss gradient's norm at its output,
   at a depth, with or without shortcuts, at a step of the training. */
(function () {
  const source = document.getElementById("gradients");
  if (!source) return;
  const { colors, low, high, curves, networks } = JSON.parse(source.textContent);
  const levels = colors.map((color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)));

  function colorOf(hundredths) {
    if (hundredths === null) return "none";
    const along = (Math.min(high, Math.max(low, hundredths)) - low) / (high - low) * (levels.length - 1);
    const below = Math.min(Math.floor(along), levels.length - 2);
    const mixed = levels[below].map((level, i) => Math.round(level + (along - below) * (levels[below + 1][i] - level)));
    return `rgb(${mixed})`;
  }

  function written(ratio) {
    const digits = { minimumSignificantDigits: 2, maximumSignificantDigits: 2 };
    return ratio === null ? "–" : ratio.toLocaleString("en-US", digits);
  }

  function bring(root) {
    const words = root.dataset;
    const steps = words.steps.split(",");
    const [slider] = root.querySelectorAll("input[type=range]");
    const [button] = root.querySelectorAll("button");
    const told = root.querySelector(".gradients-told");
    const picture = root.querySelector(".gradients-networks");
    let playing = 0;

    function show() {
      const [depth, kind] = [...root.querySelectorAll("input:checked")].map((input) => input.value);
      const curve = curves[kind + depth];
      const at = Number(slider.value);
      if (picture.dataset.depth !== depth) {
        picture.innerHTML = networks[depth].replace("{image}", words.image);
        picture.dataset.depth = depth;
      }
      picture.querySelectorAll(".layer.conv").forEach((bar, i) =>
        bar.setAttribute("fill", colorOf(curve.hundredths[at][i])));
      picture.classList.toggle("gradients-plain", kind === "plain");
      const when = at ? words.later.replace("{step}", steps[at]) : words.start;
      const [before, after] = words.ratio.split("{ratio}");
      const number = document.createElement("strong");
      number.textContent = written(curve.ratios[at]);
      const aside = document.createElement("span");
      aside.textContent = when;
      told.replaceChildren(before, number, after, " ", aside);
      root.querySelector("output").textContent = steps[at];
      slider.setAttribute("aria-valuetext", steps[at]);
    }

    function stop() {
      clearInterval(playing);
      playing = 0;
      button.textContent = words.play;
    }

    button.addEventListener("click", () => {
      if (playing) return stop();
      if (Number(slider.value) === steps.length - 1) slider.value = 0;
      button.textContent = words.pause;
      show();
      playing = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (Number(slider.value) === steps.length - 1) stop();
      }, 600);
    });
    slider.addEventListener("pointerdown", stop);
    slider.addEventListener("keydown", stop);
    root.addEventListener("input", show);
    root.classList.add("gradients-alive");
    root.querySelector(".gradients-live").hidden = false;
    show();
  }

  document.querySelectorAll(".gradients").forEach(bring);
})();
