// The views, in the order of their tabs. Each is a module with `id` and `show(root, lab)`; see ARCHITECTURE.md.

import * as curves from "./curves.js";
import * as layers from "./layers.js";

export const views = [curves, layers];
