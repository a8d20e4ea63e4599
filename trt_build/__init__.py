"""Compiles a checkpoint into an artifact: an engine that has proved what it computes.

    load the checkpoint     the network in PyTorch, and the card that says how its logits are to be read
    draw clips              for int8: some to calibrate on, others to judge by (samples)
    export                  to an ONNX file in fp32, any batch size, the cast of the uint8 clips first (export)
    lower and compile       by the target, which alone knows of devices
    verify                  through the engine that workers use: fp32 and fp16 by their logits (verify), int8 by the
                            verdicts that it gives (agreement)
    record golden clips     what every worker must see and score before it serves
    check                   as a worker does; then the folder takes its name, whole or not at all (staging)

A target is a room of its own. Both begin with the exported file, and neither's files serve the other: OpenVINO computes
wrong numbers from the symmetric int8 that TensorRT takes.

    room        compiles by          precisions         int8 by
    cpu         OpenVINO             fp32, int8         NNCF, in OpenVINO's own model
    nvidia      TensorRT 10 or 11    fp32, fp16, int8   ONNX Runtime, in the ONNX file; fp16 likewise

In TensorRT precision is a property of the file: its networks are strongly typed, so each tensor has the type that the
file gives it, and none of its builder's flags is about precision. TensorRT is reached by a handle (`nvidia.handle`).
In the tests it leads to TensorRT-RTX, which compiles without a GPU, so all but the engine's execution is tested.

Nothing of NVIDIA's is imported before the driver, asked in a child process, has shown a GPU: TensorRT ends a process
that has none.
"""
