// What every browser test needs: a browser, pages that are watched, axe, and a caller of the API.
//
// A page is watched from its first request on: whatever it asks of another host, logs as an error, throws, or is refused
// by its content security policy fails the test that looks at it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

export const origin = process.env.SANDBOX_URL;
export const apiKey = process.env.SANDBOX_KEY;

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The two sizes at which every page is looked at: a desktop's window and a phone. */
export const sizes = {
  desktop: { width: 1200, height: 900 },
  phone: { width: 390, height: 844 },
};

let payers = 0;

/** A browser for the tests of one file. */
export function useBrowser() {
  const used = {};
  before(async () => {
    // Chromium has a sandbox of its own that needs user namespaces, which root and containers have not.
    const args = process.getuid() === 0 || process.env.CI ? ["--no-sandbox"] : [];
    used.browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
  });
  after(() => used.browser.close());
  return {
    /** A page in a context of its own, as another person on another machine has it. */
    async newPage(options = {}) {
      const { size = "desktop", ...rest } = options;
      payers += 1;
      const address = `198.18.${process.pid % 250}.${payers % 250}`;
      const context = await used.browser.newContext({
        viewport: sizes[size],
        hasTouch: size === "phone",
        isMobile: size === "phone" && options.javaScriptEnabled !== false,
        locale: "en-US",
        timezoneId: "UTC",
        colorScheme: "light",
        // Colours that are on their way to others have a contrast of their own.
        reducedMotion: "reduce",
        extraHTTPHeaders: { "x-forwarded-for": address },
        ...rest,
      });
      context.setDefaultTimeout(10_000);
      return watch(await context.newPage());
    },
  };
}

/** Watches a page; `expectStatus` names the statuses at 400 or above that are meant to come. */
export function watch(page) {
  const watched = { wrongs: [], expected: new Set(), hosts: new Set([new URL(origin).origin]) };
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:", "about:"].includes(url.protocol) && !watched.hosts.has(url.origin)) {
      watched.wrongs.push(`a request to ${url.origin}`);
    }
  });
  page.on("console", (message) => {
    const status = /status of (\d+)/.exec(message.text())?.[1];
    const isMeant = status && watched.expected.has(Number(status));
    if (["error", "warning"].includes(message.type()) && !isMeant) {
      watched.wrongs.push(`the console has: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => watched.wrongs.push(`an error was thrown: ${error}`));
  page.on("dialog", (dialog) => {
    watched.wrongs.push(`a dialog says: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on("response", (response) => {
    if (response.status() >= 500) watched.wrongs.push(`${response.status()} from ${response.url()}`);
  });
  page.watched = watched;
  page.expectStatus = (...statuses) => statuses.forEach((status) => watched.expected.add(status));
  page.expectHost = (host) => watched.hosts.add(host);
  page.expectNothingWrong = () => assert.deepEqual(watched.wrongs, [], `at ${page.url()}`);
  return page;
}

/** Has axe look at the page as it stands, in light and in dark, and expects that it finds nothing. */
export async function expectAccessible(page) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const found = await runAxe(page);
    assert.deepEqual(found, [], `${page.url()} in ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await expectNoSidewaysScrolling(page);
  page.expectNothingWrong();
}

async function runAxe(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run({ rules: { "target-size": { enabled: true } } });
    return violations.map((rule) => ({
      rule: rule.id,
      help: rule.help,
      nodes: rule.nodes.map((node) => `${node.html.slice(0, 300)}: ${node.failureSummary}`),
    }));
  });
}

/** Nothing may stick out of a page's width; what is wide scrolls within itself. */
async function expectNoSidewaysScrolling(page) {
  const [needed, there] = await page.evaluate(() => {
    const root = document.documentElement;
    return [root.scrollWidth, root.clientWidth];
  });
  assert.ok(needed <= there, `${page.url()} needs ${needed} pixels and has ${there}`);
}

/** Calls the API as a merchant does, and gives back the JSON of the answer. */
export async function call(method, path, body, expected = [200, 201, 202]) {
  const answer = await fetch(origin + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(expected.includes(answer.status), `${method} ${path}: ${answer.status} ${text}`);
  return text && JSON.parse(text);
}

/** Makes a payment request, and gives back the address of its page here. */
export async function requestPayment(fields = {}) {
  const body = { type: "product", amount: 4250, currency: "EUR", description: "Espresso No. 4, 1 kg", ...fields };
  const request = await call("POST", "/v1/payment_requests", body);
  return { request, url: origin + new URL(request.url).pathname };
}

/** Asks until the answer is as wanted, at most ten seconds. */
export async function eventually(ask, isWanted) {
  const end = Date.now() + 10_000;
  for (;;) {
    const found = await ask();
    if (isWanted(found)) return found;
    assert.ok(Date.now() < end, `it did not come: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Adds an administrator of the sandbox by the command line, whose password is the one below. */
export function addUser(email, role = "admin") {
  const whose = ["--tenant", "ten_01jgfjjz00e008000000000001", "--email", email, "--role", role];
  florin(["users", "add", ...whose], `${password}\n`);
}

/** What a command of the binary prints, on the sandbox's database. */
export function florin(command, input = "") {
  return execFileSync(process.env.FLORIN_BIN, command, { input, stdio: "pipe", encoding: "utf8" });
}

export const password = "correct horse battery";

/** Signs in by the form. */
export async function signIn(page, email, code = "") {
  await page.goto(`${origin}/dashboard/sign-in`);
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.fill("#totp_code", code);
  await Promise.all([page.waitForNavigation(), page.click("main form button.primary")]);
}
