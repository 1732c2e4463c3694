/**
 * The upper folder of the overlay with number `device`, from a line "… 0:45 / / rw - overlay overlay
 * rw,lowerdir=/a:/b,upperdir=/c,workdir=/d".
 */
export function upperFolder(mountinfo: string, device: number): string | undefined {
  // Numbers of file systems without a disk: 8 bits below, the rest beside those of their kind.
  const minor = (device & 0xff) | ((device >>> 12) & ~0xff);
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    if (before.split(' ')[2] === `0:${minor}`) return /,upperdir=([^,]*)/.exec(after)?.[1];
  }
  return undefined;
}
