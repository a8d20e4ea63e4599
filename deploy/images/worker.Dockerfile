# A worker that judges on CPUs. From the repository's root:
#   docker build -f deploy/images/worker.Dockerfile -t stall-stream/worker:0.1.0 .
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY . .
# Only wheels, so that no compiler is needed; and without OpenVINO's parts for other devices than CPUs.
RUN python3 -m venv /opt/stall \
    && /opt/stall/bin/pip install --no-cache-dir --only-binary :all: -c constraints.txt . \
    && /opt/stall/bin/pip uninstall --yes pip setuptools \
    && rm -f /opt/stall/lib/python3*/site-packages/openvino/libs/libopenvino_intel_[gn]pu_*

FROM ${BASE}
COPY --from=build /opt/stall /opt/stall
ENV PATH=/opt/stall/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=10s --start-period=90s CMD ["python", "-m", "stream", "healthcheck"]
ENTRYPOINT ["python", "-m", "stream"]
CMD ["worker"]
