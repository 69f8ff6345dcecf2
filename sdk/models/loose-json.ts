/**
 * A string, or one of the words that JSON does not have but number printers write. A string without
 * an end goes on to that of the text, or each of its quotes would be tried as the first of one.
 */
const WORDS = /"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$)|-?\b(?:NaN|nan|Infinity|inf)\b/g;

/**
 * Parses JSON in which NaN (read as `null`) and the infinities may stand for numbers, as XGBoost
 * wrote them before 3.1.
 * @throws SyntaxError of JSON.parse for the text as it is.
 */
export function parseLooseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const strict = text.replace(WORDS, (word) => {
      if (word.startsWith('"')) return word;
      if (/nan/i.test(word)) return "null";
      return word.startsWith("-") ? "-1e999" : "1e999";
    });
    // A text without such words keeps the message of its own place.
    if (strict === text) throw error;
    return JSON.parse(strict);
  }
}
