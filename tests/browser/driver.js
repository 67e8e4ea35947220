// Runs scenarios in a real Chromium: one JSON request a line in, one JSON answer a line out.
// A request is {"scenario", "url", "options", ...}; an answer has "complaints": what the page
// logged, threw, or asked of anybody but its own server.
"use strict";
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");
const readline = require("node:readline");

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

const hits = (page) => page.$$eval("#hits .row b", (all) => all.map((each) => each.textContent));
const shown = (page) => page.waitForSelector("#hits:not([hidden]) .row");
const name = (page) => decodeURIComponent(page.url().split("/").slice(-2).join("/"));

const scenarios = {
  async keyboard(page) {
    const told = {};
    await page.keyboard.press("/");
    told.focus = await page.evaluate(() => document.activeElement.id);
    await page.keyboard.type("flow fail");
    await shown(page);
    told.hits = await hits(page);
    told.said = await page.textContent("#said");
    await page.keyboard.press("Escape");
    told.escaped = await page.isHidden("#hits");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    told.active = await page.getAttribute("#q", "aria-activedescendant");
    told.selected = await page.$$eval("#hits [aria-selected=true]", (all) => all.length);
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    told.went = name(page);
    await page.keyboard.press("Tab");
    told.skip = await page.evaluate(() => document.activeElement.className);
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => Boolean(url.hash));
    told.main = await page.evaluate(() => document.activeElement.id);
    return told;
  },
  async enter(page, { query }) {
    await page.fill("#q", query);
    await shown(page);
    await Promise.all([page.waitForNavigation(), page.press("#q", "Enter")]);
    await page.waitForSelector("#results .row");
    return { went: name(page), found: await page.$$eval("#results .row b", (all) => all.map((each) => each.textContent)) };
  },
  async search(page, { queries }) {
    return page.evaluate((all) => Promise.all(all.map((each) => window.ringwaySearch(each, 10))), queries);
  },
  async language(page) {
    const before = name(page);
    await Promise.all([page.waitForNavigation(), page.click("a.language")]);
    const there = [name(page), await page.getAttribute("html", "lang")];
    await Promise.all([page.waitForNavigation(), page.click("a.language")]);
    return { before, there, back: name(page) };
  },
  async theme(page) {
    const look = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const told = { system: await look() };
    await page.click("button.theme");
    told.toggled = await look();
    told.pressed = await page.getAttribute("button.theme", "aria-pressed");
    await page.reload();
    told.kept = await look();
    return told;
  },
  async width(page, { widths }) {
    const found = [];
    for (const width of widths) {
      await page.setViewportSize({ width, height: 844 });
      found.push(await page.evaluate(() => document.documentElement.scrollWidth));
    }
    return found;
  },
  async links(page) {
    return page.locator("#results .row").evaluateAll((all) => all.map((each) => each.getAttribute("href")));
  },
  async print(page) {
    await page.emulateMedia({ media: "print" });
    const pdf = await page.pdf({ format: "A4" });
    return { hidden: await page.isHidden("header.top"), who: await page.isVisible("h1, .duel"), pdf: pdf.length };
  },
  async picker(page) {
    await page.selectOption("form.picker select", { value: "486" });
    await Promise.all([page.waitForNavigation(), page.click("form.picker button")]);
    return name(page);
  },
  async filter(page) {
    await page.check("[name=class][value='3']", { force: true });
    return page.$$eval(".group", (all) => all.filter((each) => each.checkVisibility()).map((each) => each.id));
  },
  async guide(page) {
    await page.focus("summary");
    await page.keyboard.press("Enter");
    return page.$$eval("details[open]", (all) => all.length);
  },
  async axe(page) {
    await page.$$eval("details", (all) => all.forEach((each) => { each.open = true; }));
    await page.evaluate(require("node:fs").readFileSync(axe, "utf8"));
    const found = [];
    for (const [colorScheme, width] of [["light", 1280], ["dark", 1280], ["dark", 390]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 844 });
      const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
      for (const { id, nodes } of violations) {
        found.push(`${colorScheme} ${width} ${id}: ${nodes[0].html} ${nodes[0].failureSummary}`);
      }
    }
    return found;
  },
  async arrows(page, { first }) {
    const name = () => page.textContent("#message-name");
    const focus = () => page.evaluate(() => document.activeElement.getAttribute("href") || document.activeElement.name || document.activeElement.id);
    const told = {};
    await page.focus("details.talk.faulty > summary");
    await page.keyboard.press("Enter");
    await page.focus(`a.rung[href='${first}']`);
    await page.keyboard.press("Enter");
    told.opened = await name();
    told.text = await page.textContent("dialog .what");
    await page.keyboard.press("ArrowRight");
    told.next = await name();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    told.first = await name();
    await page.keyboard.press("Escape");
    told.closed = !(await page.isVisible("dialog"));
    told.back = await focus();
    await page.click("details.talk.faulty .fault a[href^='#m-']");
    told.proof = await name();
    await page.click("dialog .todo a");
    told.finding = await page.isVisible("dialog");
    told.code = await page.$eval("details.talk.faulty .steps a.code", (link) => {
      link.click();
      return [link.hash, document.querySelector(link.hash).open]; // at once, before any hashchange
    });
    await page.waitForURL((url) => url.hash === told.code[0]);
    return told;
  },
  async sieve(page, { text }) {
    const shown = () => page.$$eval("details.talk", (all) => all.filter((each) => each.checkVisibility()).length);
    const told = [await shown()];
    await page.check("input[name=faulty]");
    told.push(await shown());
    await page.uncheck("input[name=faulty]");
    await page.fill("input[name=text]", text);
    told.push(await shown(), await page.textContent(".sieve [role=status]"));
    await page.click("button[name=open]");
    told.push(await page.$$eval("details.talk[open]", (all) => all.length));
    return told;
  },
  async owned(page) {
    await page.$$eval("details", (all) => all.forEach((each) => { each.open = true; }));
    for (const rung of await page.$$("a.rung")) {
      await rung.click();
      await page.keyboard.press("Escape");
    }
    return [await page.title(), await page.$$eval("script", (all) => all.length)];
  },
  async revealed(page, { first }) {
    await page.click("details.talk.faulty > summary");
    await page.click(`a.rung[href='${first}']`);
    return page.isVisible(first);
  },
  async paint(page) {
    return page.evaluate(
      () =>
        new Promise((done) => {
          new PerformanceObserver((list) => {
            for (const entry of list.getEntriesByName("first-contentful-paint")) done(entry.startTime);
          }).observe({ type: "paint", buffered: true });
        }),
    );
  },
  async observed(page, { path, open, arrow, to }) {
    const talk = page.locator("details.talk", { has: page.locator("summary", { hasText: open }) });
    if (open) await talk.last().locator("> summary").click();
    if (arrow) await talk.last().locator("a.rung", { hasText: arrow }).first().click();
    if (to) await page.locator(to).last().evaluate((each) => each.scrollIntoView({ behavior: "instant" }));
    await page.mouse.move(0, 0);
    await page.screenshot({ path });
    return page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  },
  async shot(page, { path, full, clip }) {
    await page.screenshot({ path, fullPage: Boolean(full), clip });
    return null;
  },
};

async function run(browser, { scenario, url, options, keep, ...rest }) {
  const context = await browser.newContext(options);
  const complaints = [];
  try {
    const origin = new URL(url).origin;
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("console", (message) => message.type() === "error" && complaints.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(`error: ${error}`));
    page.on("request", (request) => new URL(request.url()).origin !== origin && complaints.push(`asked ${request.url()}`));
    await page.goto(url, { waitUntil: "load" });
    return { told: await scenarios[scenario](page, rest), complaints };
  } catch (error) {
    return { failed: String(error), complaints };
  } finally {
    await context.close();
  }
}

(async () => {
  const browser = await chromium.launch({ executablePath: process.argv[2], args: FLAGS });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await run(browser, JSON.parse(line)))}\n`);
  }
  await browser.close();
})();
