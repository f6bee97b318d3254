// A listing that needs no more of a script than times in the reader's zone.

import { localize } from "./local-times.js";

localize(document);
