/** "… 0:45 / / rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d", for the overlay with number `device`. */
export function upperFolder(mountinfo: string, device: number): string | undefined {
  // The numbers of what is no disk: 8 bits below, the rest beside those of its kind.
  const minor = (device & 0xff) | ((device >>> 12) & ~0xff);
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    if (before.split(' ')[2] === `0:${minor}`) return /,upperdir=([^,]*)/.exec(after)?.[1];
  }
  return undefined;
}
