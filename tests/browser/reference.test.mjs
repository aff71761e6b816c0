// The API's reference at /docs.

import { test } from "node:test";
import { expectAccessible, origin, sizes, useBrowser } from "./support.mjs";

const { newPage } = useBrowser();

for (const size of Object.keys(sizes)) {
  test(`the reference is readable by everybody at the size of a ${size}`, async () => {
    const page = await newPage({ size });
    await page.goto(`${origin}/docs`);
    await expectAccessible(page);
  });
}
