// The page's one connection to the monitor, shared by everything on the page.
import { Live } from "./live.js";

export const live = new Live();
