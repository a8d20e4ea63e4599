# One image that stands in for those of compose.yaml that can't be pulled: tests/deploy/standins.py fills its context.
ARG BASE
# hadolint ignore=DL3006
FROM ${BASE}
COPY . /
RUN mkdir -p /data /prometheus /alertmanager /var/lib/kafka/data
