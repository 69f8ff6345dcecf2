/** Says of an object to a notebook that is saved: the text that made it makes it again. */
export const MADE_AGAIN = Symbol.for("ekiben.made-again");
