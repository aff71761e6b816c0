// The pictures of docs/images, over a sandbox that was filled by the demo. The folder is the only argument.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { call, origin, requestPayment, sizes } from "./support.mjs";

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });

const args = process.getuid() === 0 || process.env.CI ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });

/** The sandbox's link to sign in is good once; what it leads to is kept for all windows. */
async function signedIn() {
  const log = readFileSync(process.env.SANDBOX_LOG, "utf8");
  const [link] = /http\S+\/dashboard\/enter\/\S+/.exec(log);
  const context = await browser.newContext();
  await (await context.newPage()).goto(link);
  return context.storageState();
}

async function picture(name, url, { size = "desktop", act = async () => {}, fullPage = false, ...options }) {
  const context = await browser.newContext({ viewport: sizes[size], locale: "en-US", timezoneId: "UTC", ...options });
  const page = await context.newPage();
  await page.goto(url);
  await act(page);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
  await context.close();
}

async function pay(page, method) {
  await page.check(`input[value="${method}"]`);
  await Promise.all([page.waitForNavigation(), page.click("button[type=submit]")]);
}

const storageState = await signedIn();
const home = `${origin}/dashboard/test`;
const refunded = (await call("GET", "/v1/payments?payment_status=PARTIALLY_REFUNDED&limit=1")).data[0];
const dark = { colorScheme: "dark" };

await picture("dashboard-overview", home, { storageState });
await picture("dashboard-overview-dark", home, { storageState, ...dark });
await picture("dashboard-overview-phone", home, { storageState, size: "phone" });
await picture("dashboard-payments", `${home}/payments`, { storageState });
await picture("dashboard-payments-phone", `${home}/payments`, { storageState, size: "phone" });
await picture("dashboard-payment", `${home}/payments/${refunded.id}`, { storageState });
await picture("dashboard-payment-phone-dark", `${home}/payments/${refunded.id}`, { storageState, size: "phone", ...dark });
await picture("dashboard-invoices", `${home}/invoices`, { storageState });
await picture("dashboard-customers", `${home}/customers`, { storageState });
await picture("dashboard-balances", `${home}/balances`, { storageState });

const link = async () => (await requestPayment({ amount: 2790 })).url;
const decline = (page) => pay(page, "pm_test_decline");
const success = (page) => pay(page, "pm_test_success");
await picture("pay", await link(), {});
await picture("pay-phone", await link(), { size: "phone" });
await picture("pay-declined-phone-dark", await link(), { size: "phone", act: decline, ...dark });
await picture("pay-paid-german-phone", await link(), { size: "phone", act: success, locale: "de-DE" });
await picture("pay-japanese-phone", await link(), { size: "phone", locale: "ja-JP" });
await browser.close();
