# The studio in a container: its processor variant by default, a graphics card's with --build-arg TORCH=cu130.
#
#   docker build -t talking-head .
#   docker run --rm -p 127.0.0.1:7860:7860 -v talking-head:/data talking-head
#
# The address with its token is printed. `docker compose up` does the same (compose.yaml).
FROM python:3.11-slim

ARG TORCH=cpu
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# What the face tracker is linked with, and a voice for the page's text boxes.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libegl1 libgles2 libgl1 flite && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 10001 studio && install -d -o studio -g studio /data /models

WORKDIR /source
COPY . /source
RUN pip install torch==2.13.* --index-url https://download.pytorch.org/whl/$TORCH && pip install . && rm -rf /source/*

USER studio
WORKDIR /home/studio
# Models inside: nothing is fetched later, and nothing need be.
RUN TALKING_HEAD_HOME=/models python -c "from preprocessing.tracking.assets import landmarker_path; print(landmarker_path())"
ENV TALKING_HEAD_HOME=/data TALKING_HEAD_ASSETS=/models/assets TALKING_HEAD_OFFLINE=1 NUMBA_CACHE_DIR=/data/cache/numba

VOLUME /data
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/v1/health', timeout=4)"]
# Others reach a container by its published port, so a token is asked for: TALKING_HEAD_TOKEN, or one that is printed.
CMD ["talking-head", "studio", "--host", "0.0.0.0", "--port", "7860"]
