# Trains networks and builds artifacts, on CPUs or NVIDIA GPUs. From the repository's root:
#   docker build -f deploy/images/training.Dockerfile -t stall-stream/training:0.1.0 .
# A vendor's index of CPU builds spares 5 GB of CUDA: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu
# It reads and writes where you let it, as who you are:
#   alias ours='docker run --rm --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" -v "$PWD:/work" stall-stream/training:0.1.0'
#   ours training fit --out checkpoint
#   ours trt_build --checkpoint checkpoint --out artifact
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY . .
ARG TORCH_INDEX=""
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN python3 -m venv /opt/stall \
    && if [ -n "${TORCH_INDEX}" ]; then \
        grep -E '^torch(vision)?==' constraints.txt \
        | xargs /opt/stall/bin/pip install --no-cache-dir --no-deps --index-url "${TORCH_INDEX}"; fi \
    && /opt/stall/bin/pip install --no-cache-dir -c constraints.txt '.[build]' \
    && /opt/stall/bin/pip uninstall --yes pip

FROM ${BASE}
COPY --from=build /opt/stall /opt/stall
# Libraries keep caches beside what they are told to write: all of that goes to /tmp, the one place besides a volume.
ENV PATH=/opt/stall/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["python", "-m"]
CMD ["training", "--help"]
