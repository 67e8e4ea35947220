// The page at the root: on to the language that the browser asks for.
"use strict";
const wanted = (navigator.languages || [navigator.language]).find((each) => /^(zh|en)\b/.test(each));
location.replace(`${(wanted || "en").slice(0, 2)}/index.html${location.search}`);
