// The views, in the order of their tabs. Each is a module with `id` and `show(root, lab)`; see ARCHITECTURE.md.

import * as apart from "./apart.js";
import * as claims from "./claims.js";
import * as convolution from "./convolution.js";
import * as curves from "./curves.js";
import * as layers from "./layers.js";

export const views = [curves, layers, claims, convolution, apart];
