# dsonas in a container: for CPUs by default, for GPUs with --build-arg EXTRA=gpu. docs/docker.md says how to use it and what was tried.
ARG BASE=python:3.10-slim-bookworm
FROM ${BASE}

# What the wheels of MXNet and OpenCV link to and do not bring.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ libgomp1 libquadmath0 libgl1 libglib2.0-0 libsm6 libxext6 \
    && rm -rf /var/lib/apt/lists/*

ARG EXTRA=cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
COPY . /opt/dsonas
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install 'pip<25' \
    && /opt/venv/bin/pip install "/opt/dsonas[${EXTRA},onnx]" \
    && /opt/venv/bin/pip install --no-deps onnxruntime==1.16.3 \
    && rm -rf /opt/dsonas

# The CUDA libraries of the extra `gpu`; without them an empty list.
RUN for folder in /opt/venv/lib/python3.*/site-packages/nvidia/*/lib; do \
        if [ -d "$folder" ]; then echo "$folder"; fi; \
    done > /etc/ld.so.conf.d/dsonas.conf \
    && ldconfig

# Runs, and the cache of the embedded images, belong to this user.
RUN useradd --create-home --uid 1000 dsonas && mkdir /work && chown dsonas /work
USER dsonas
WORKDIR /work
ENV PATH=/opt/venv/bin:$PATH NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN dsonas --version
ENTRYPOINT ["dsonas"]
CMD ["--help"]
