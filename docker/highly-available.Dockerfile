# What every container of a highly available cluster is made of: the backends, and what makes another member lead.
ARG BASE=debian:trixie-slim
FROM $BASE
# No package may start a server, and Postgres gets its data from Patroni. Plugins of RabbitMQ that nobody enables go: Erlang
# looks for each module in each of their folders, which is most of a start's time.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
  && apt-get update \
  && apt-get install -y --no-install-recommends postgresql-common \
  && sed -ri 's/#?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
  && apt-get install -y --no-install-recommends rabbitmq-server redis-server postgresql patroni python3-etcd etcd-server haproxy \
  && find /usr/lib/rabbitmq/lib/*/plugins -mindepth 1 -maxdepth 1 -type d | grep -Ev \
    '/(amqp10_common|aten|credentials_obfuscation|cuttlefish|enough|gen_batch_server|getopt|horus|jsx|khepri|khepri_mnesia_migration|observer_cli|osiris|ra|rabbit|rabbit_common|rabbitmq_prelaunch|ranch|recon|redbug|seshat|stdout_formatter|syslog|sysmon_handler|systemd|thoas)-' \
    | xargs rm -rf \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt /usr/share/doc /usr/share/man
