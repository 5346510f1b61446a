#!/usr/bin/env python3
"""Writes the logs of tests/data/logs, in the style of programs and machines that FieldOps has none of: clean ones, and some with an event that
tests/assist/log_events_test.cpp knows. The same bytes every time; only the standard library is needed.

usage: log_fixtures.py [FOLDER]
"""
import datetime
import pathlib
import random
import sys

draw = random.Random(7)  # one sequence for all logs but the gateway's
SECOND, MINUTE = datetime.timedelta(seconds=1), datetime.timedelta(minutes=1)

SERVER_START = datetime.datetime(2026, 5, 4, 10)
JOURNAL_START = datetime.datetime(2026, 5, 4, 6)
NODE_START = datetime.datetime(2026, 9, 1)
JAVA_START = datetime.datetime(2026, 6, 1, 9)

NGINX_START = ['2026/05/04 10:11:03 [notice] 811#811: signal process started',
               '2026/05/04 10:11:03 [notice] 812#812: using the "epoll" event method',
               '2026/05/04 10:11:03 [notice] 812#812: nginx/1.22.1',
               '2026/05/04 10:11:03 [notice] 812#812: start worker processes',
               '2026/05/04 10:11:03 [notice] 812#812: start worker process 813',
               '2026/05/04 10:11:03 [notice] 812#812: start worker process 814']
NGINX_ERROR = ('2026/05/04 10:2%d:11 [error] 813#813: *%d connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.%d, '
               'server: shop, request: "GET /api HTTP/1.1", upstream: "http://127.0.0.1:8080/api"')
OUT_OF_MEMORY = ['kernel: worker invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0',
                 'kernel: Out of memory: Killed process 4211 (worker) total-vm:8123456kB',
                 'systemd[1]: worker.service: Main process exited, code=killed, status=9/KILL',
                 "systemd[1]: worker.service: Failed with result 'oom-kill'.",
                 'systemd[1]: worker.service: Scheduled restart job, restart counter is at 1.',
                 'systemd[1]: Started Worker.']
KERNEL = ['[    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0)',
          '[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz root=UUID=3e5-11 ro quiet',
          '[    0.000000] BIOS-provided physical RAM map:',
          '[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable',
          '[    0.004031] ACPI: Early table checksum verification disabled',
          '[    0.031234] Spectre V1 : Mitigation: usercopy/swapgs barriers and __user pointer sanitization',
          '[    0.052345] smpboot: CPU0: Intel(R) Atom(TM) CPU',
          '[    0.112003] pcieport 0000:00:1c.0: AER: enabled with IRQ 122',
          '[    0.200341] EDAC MC: Ver: 3.0.0',
          '[    0.310000] EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.',
          '[    1.201234] ata1: SATA link up 6.0 Gbps (SStatus 133 SControl 300)',
          '[    1.301234] ata2: SATA link down (SStatus 0 SControl 300)',
          '[    1.501234] systemd[1]: systemd 252 running in system mode',
          '[    2.001234] random: crng init done',
          '[    2.101234] e1000e 0000:00:19.0 eth0: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: Rx/Tx',
          '[    3.101234] IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready',
          '[    3.501234] ERST: Error Record Serialization Table (ERST) support is initialized.',
          '[    3.601234] mce: CPU0: Thermal monitoring enabled (TM1)',
          '[    4.101234] usb 1-1: New USB device found, idVendor=046d, idProduct=c31c']
DISK = ['[ 8123.101234] ata1.00: exception Emask 0x0 SAct 0x0 SErr 0x0 action 0x0', '[ 8123.101240] ata1.00: failed command: READ DMA EXT',
        '[ 8123.111234] ata1.00: error: { UNC }', '[ 8123.121234] blk_update_request: I/O error, dev sda, sector 123456 op 0x0:(READ)',
        '[ 8123.131234] EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm ls: reading directory lblock 0']
ANDROID = ['D WindowManager: printFreezingDisplayLogsopening app wtoken = AppWindowToken{9f4ef63 token=Token{a64f992}}',
           'I ActivityManager: Start proc 4021:com.example/u0a88 for service', 'V PowerManager: releaseWakeLock flags=0x0',
           'D ConnectivityService: notifyType CAP_CHANGED for NetworkAgentInfo [WIFI () - 101]', 'I chatty  : uid=1000(system) expire 3 lines',
           'D WifiStateMachine: state SCANNING -> ASSOCIATED',
           'I art     : Background partial concurrent mark sweep GC freed 1024(64KB) AllocSpace objects']
CRASH = ['E AndroidRuntime: FATAL EXCEPTION: main', 'E AndroidRuntime: Process: com.example, PID: 4021',
         'E AndroidRuntime: java.lang.NullPointerException: Attempt to invoke virtual method on a null object reference',
         'E AndroidRuntime: \tat com.example.Main.onCreate(Main.java:31)']
TRACE = ['2026-06-01 09:05:00,001 ERROR [pool-1-thread-1] com.acme.Db - Query failed', 'java.sql.SQLException: Connection is closed',
         '\tat com.acme.Db.query(Db.java:88)', '\tat com.acme.Job.run(Job.java:12)', 'Caused by: java.net.SocketException: Broken pipe', '\t... 3 more']
BROKER = ['{"time":"2026-06-01T09:03:21Z","level":"warn","msg":"broker connection lost, retrying in 5 s","attempt":1}',
          '{"time":"2026-06-01T09:03:26Z","level":"warn","msg":"broker connection lost, retrying in 5 s","attempt":2}',
          '{"time":"2026-06-01T09:03:31Z","level":"info","msg":"broker connection restored","attempt":3}']
GATEWAY = ["queue 0, dropped 0", "retry 1 of 5 ok", "24 of 24 nodes answered", "certificate valid for 120 days", "backup finished, 0 failed",
           "disk 41 % used", "time synchronised with ntp1, step 0.002 s", "node 7 rejoined", "session 12 closed", "config saved", "user menu opened",
           "firmware 2.4.1 up to date", "log rotated", "door contact 3 closed", "lease renewed 10.0.0.7", "published 120 records",
           "next maintenance in 310 h", "watchdog ok", "watchdog kicked", "alarm list empty", "error counter 0", "lost packets 0", "link up 100 Mbit",
           "reset counter 3", "restart counter 0", "power supply ok 24.1 V", "valve test ok", "pump test finished, no faults", "temperature 41.2 C normal",
           "mode AUTO", "speed 1500 rpm reached", "level 71 %", "0 of 24 nodes offline", "heartbeat from node 3", "connected clients: 4",
           "calibration valid until 2027-01-01"]


def requests(failing=()):
    time = SERVER_START
    for i in range(80):
        time += draw.choice([1, 1, 2, 3, 7, 15, 40]) * SECOND
        path = draw.choice(["/", "/index.html", "/api/v1/items?page=%d" % draw.randint(1, 90), "/static/app.%06x.js" % draw.randint(0, 1 << 24),
                            "/images/error.png", "/login"])
        status = 502 if i in failing else draw.choice([200, 200, 200, 304, 200, 301, 404])
        yield '%s - - [%s +0000] "GET %s HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64)"' % (
            "10.0.%d.%d" % (draw.randint(0, 9), draw.randint(1, 250)), time.strftime("%d/%b/%Y:%H:%M:%S"), path, status, draw.randint(120, 90000))


def journal():
    time = JOURNAL_START
    for i in range(60):
        time += draw.choice([5, 60, 300, 600]) * SECOND
        yield "%s box %s" % (time.strftime("%b %d %H:%M:%S").replace(" 0", "  ", 1), draw.choice([
            "CRON[%d]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)" % draw.randint(1000, 9999),
            "systemd[1]: Started Session %d of user anna." % i, "systemd[1]: session-%d.scope: Deactivated successfully." % i,
            "systemd[1]: Starting Daily apt download activities...", "systemd[1]: Finished Daily apt download activities.",
            "systemd[1]: Starting system activity accounting tool...",
            "sshd[%d]: Accepted publickey for anna from 10.0.0.7 port %d ssh2: ED25519 SHA256:abc" % (draw.randint(1000, 9999), draw.randint(1024, 65000)),
            "sshd[%d]: Disconnected from user anna 10.0.0.7 port %d" % (draw.randint(1000, 9999), draw.randint(1024, 65000)),
            "dhclient[602]: DHCPREQUEST for 10.0.0.15 on eth0 to 10.0.0.1 port 67",
            "dhclient[602]: bound to 10.0.0.15 -- renewal in 1567 seconds.",
            "NetworkManager[501]: <info>  [1777]: device (wlan0): state change: prepare -> config (reason 'none')",
            "systemd-timesyncd[300]: Synchronized to time server 192.0.2.1:123 (pool.example.org).",
            "rsyslogd: action 'action-1-builtin:omfile' resumed (module 'builtin:omfile')",
            "kernel: usb 1-2: new high-speed USB device number %d using xhci_hcd" % draw.randint(2, 40)]))


def android():
    time = datetime.datetime(2026, 3, 17, 16, 13, 38)
    for _ in range(60):
        time += draw.randint(10, 900) * SECOND / 1000
        yield time.strftime("%m-%d %H:%M:%S.") + "%03d  1702  %d " % (time.microsecond // 1000, 2300 + draw.randint(0, 99)) + draw.choice(ANDROID)


def table():
    time = datetime.datetime(2026, 2, 1, 8)
    yield "Datum;Zeit;Status;Druck;Temperatur;Strom;Meldung"
    for _ in range(50):
        time += 5 * MINUTE
        values = (4.0 + draw.uniform(-.1, .1), 61 + draw.uniform(-1, 1), 12 + draw.uniform(-.5, .5))
        yield time.strftime("%d.%m.%Y;%H:%M:%S;") + "RUN;%s;%s;%s;" % tuple(("%.1f" % value).replace(".", ",") for value in values)


def with_column(rows, column, first, last, value):
    """The rows from `first` up to `last` with value(row) in a column."""
    for number, row in enumerate(rows):
        cells = row.split(";")
        if first <= number < last:
            cells[column] = value(number)
        yield ";".join(cells)


def java():
    time = JAVA_START
    for i in range(40):
        time += draw.randint(1, 30) * SECOND
        yield time.strftime("%Y-%m-%d %H:%M:%S,123") + " " + draw.choice([
            "INFO  [main] com.acme.Server - Accepted request %d in %d ms" % (i, draw.randint(2, 90)),
            "DEBUG [pool-1-thread-%d] com.acme.Db - Query returned %d rows" % (draw.randint(1, 4), draw.randint(0, 500)),
            "INFO  [pool-1-thread-2] com.acme.Job - Finished job with 0 errors and 0 failures",
            "INFO  [main] com.acme.ErrorHandler - Registered error handler for /api"])


def json_lines():
    for i in range(40):
        time = JAVA_START + 10 * (i + 1) * SECOND
        yield '{"time":"%sZ","level":"info","msg":"request served","path":"/v1/read","ms":%d}' % (time.isoformat(), draw.randint(2, 50))


def node_messages():
    time = NODE_START
    for i in range(40):
        time += 5 * MINUTE
        yield time.strftime("%Y-%m-%dT%H:%M:%S") + " node7 info uplink ok rssi -%d dBm" % draw.randint(60, 80)
        for _ in range(5 if i == 20 else 0):
            time += 40 * SECOND
            yield time.strftime("%Y-%m-%dT%H:%M:%S") + " node7 info booting firmware 3.1.4, reset reason watchdog"


def node_readings(at, step):
    time = NODE_START
    for i in range(40):
        time += step if i == at else 5 * MINUTE
        yield time.strftime("%Y-%m-%dT%H:%M:%S") + " node7 info temp=%.1f hum=%.1f rssi=-%d" % (
            21 + draw.uniform(-.3, .3), 45 + draw.uniform(-2, 2), draw.randint(60, 80))


def gateway():
    own = random.Random(3)
    time = datetime.datetime(2026, 8, 1)
    for i in range(300):
        time += own.randint(20, 400) * SECOND
        yield " ".join([time.strftime("%Y-%m-%dT%H:%M:%SZ"), "gw-01", own.choice(["mqttd", "poller", "sys"]),
                        own.choice(["INFO", "info", "NOTICE"]) if i % 2 else "INFO", own.choice(GATEWAY)])


def logs():
    yield "nginx-access-clean.log", requests()
    yield "nginx-access-502.log", requests(range(40, 55))
    yield "nginx-error.log", (NGINX_START + [NGINX_ERROR % (i, 400 + i, i + 3) for i in range(5)] +
                              ["2026/05/04 11:00:00 [notice] 812#812: signal 1 (SIGHUP) received, reconfiguring"])
    lines = list(journal())
    yield "journal-clean.log", lines
    yield "journal-oom.log", lines[:25] + [lines[24][:15] + " box " + text for text in OUT_OF_MEMORY] + lines[25:50]
    yield "dmesg-clean.log", KERNEL
    yield "dmesg-disk.log", KERNEL[:10] + DISK
    lines = list(android())
    yield "android-clean.log", lines
    yield "android-crash.log", lines[:30] + [lines[29][:18] + "  4021  4021 " + text for text in CRASH] + lines[30:]
    lines = list(table())
    yield "plc-clean.csv", lines
    yield "plc-drift.csv", with_column(lines, 4, 20, 40, lambda row: ("%.1f" % (61 + (row - 19) * 1.4)).replace(".", ","))
    yield "plc-stuck.csv", with_column(lines, 3, 15, 45, lambda row: "4,1")
    lines = list(java())
    yield "java-clean.log", lines
    yield "java-trace.log", lines[:20] + TRACE + lines[20:]
    lines = list(json_lines())
    yield "json-clean.jsonl", lines
    yield "json-broker.jsonl", lines[:20] + BROKER + lines[20:]
    yield "node-restarts.log", node_messages()
    yield "node-clock.log", node_readings(20, -180 * MINUTE)
    yield "node-gap.log", node_readings(25, 125 * MINUTE)
    yield "plain-errors.txt", (["starting conversion of 40 files"] + ["file %02d ok" % i for i in range(20)] +
                               ["error: file 20: unexpected end of data"] + ["file %02d ok" % i for i in range(21, 40)] + ["done, 1 failed"])
    yield "gateway-clean.log", gateway()


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1] / "data" / "logs")
    for name, lines in logs():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
