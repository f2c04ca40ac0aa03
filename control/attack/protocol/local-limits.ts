/** Errors that say that this machine, and not the system under test, has run out of something; with what helps. */
export const LOCAL_LIMITS: Readonly<Record<string, string>> = {
  EMFILE: 'Raise the open-file limit (ulimit -n), or use fewer connections.',
  ENFILE: 'Raise the system-wide open-file limit (sysctl fs.file-max), or use fewer connections.',
  EADDRNOTAVAIL:
    'No local port was left: use fewer connections, start more gateways, or widen net.ipv4.ip_local_port_range.',
  ENOBUFS: 'The system has no memory left for sockets: use fewer connections.',
};
