import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const executablePath = process.env['TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** Debian's Chromium, headless. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(executablePath)) {
    throw new Error(
      `${executablePath} is missing: run scripts/install-chromium.sh, or name another Chromium in TEST_CHROMIUM.`,
    );
  }
  // Chromium's own sandbox refuses to run as root, and containers forbid it: what it loads here is ours.
  return chromium.launch({ executablePath, chromiumSandbox: false, args: ['--disable-dev-shm-usage'] });
}
