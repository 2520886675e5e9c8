/** @returns whether it stands in the clipboard now */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers give pages the clipboard only over HTTPS and on localhost; this older way needs a selection.
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'visually-hidden';
    document.body.append(area);
    area.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- There is no other way without HTTPS.
    const copied = document.execCommand('copy');
    area.remove();
    return copied;
  }
}
