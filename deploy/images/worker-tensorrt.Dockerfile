# A worker that judges on NVIDIA GPUs; its plan is put in by artifact.Dockerfile. From the repository's root:
#   docker build -f deploy/images/worker-tensorrt.Dockerfile -t stall-stream/worker-tensorrt:0.1.0 .
ARG BASE=nvcr.io/nvidia/cuda:13.0.2-base-ubuntu24.04

FROM ${BASE} AS python
# The base's own Python, whichever version its archive has.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

FROM python AS build
WORKDIR /src
COPY . .
# TensorRT's wheels are NVIDIA's, and on no other index. All else comes first, and from the usual one alone: of two that
# pip is told of either may win.
ARG TENSORRT_INDEX=https://pypi.nvidia.com
RUN python3 -m venv /opt/stall \
    && /opt/stall/bin/pip install --no-cache-dir --only-binary :all: -c constraints.txt . \
    && /opt/stall/bin/pip install --no-cache-dir -c constraints.txt --extra-index-url "${TENSORRT_INDEX}" '.[tensorrt]' \
    && /opt/stall/bin/pip uninstall --yes pip setuptools

FROM python
COPY --from=build /opt/stall /opt/stall
ENV PATH=/opt/stall/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=10s --start-period=90s CMD ["python", "-m", "stream", "healthcheck"]
ENTRYPOINT ["python", "-m", "stream"]
CMD ["worker"]
