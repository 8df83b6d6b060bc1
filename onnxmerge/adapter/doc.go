// Package adapter reads LoRA adapters and adds them to the weights of the network that they were trained on.
//
// [Open] reads an adapter of PEFT (adapter_model.safetensors and adapter_config.json) or a file with the names of kohya's
// scripts. [Apply] gives a checkpoint with the adapters added: its tensors are computed while they are read, block by block in
// float64, and are rounded once, when they are converted to the type of a model's weight.
//
// # What an adapter adds
//
// For a weight W of shape [out, in], with A of shape [r, in] and B of shape [out, r] (Hu et al., LoRA, arXiv 2106.09685):
//
//	W' = W + s * B A        s = alpha / r, or alpha / sqrt(r) with use_rslora (Kalajdzievski, arXiv 2312.03732)
//
// A of a convolution has the shape [r, in, k, k] and B [out, r, 1, 1]; both are flattened. Weights that are stored as [in, out]
// (fan_in_fan_out, as in GPT-2) and embeddings (lora_embedding_A, lora_embedding_B) get the transpose of B A. Which of the two
// holds is decided by the shapes, and by fan_in_fan_out for square weights. With a magnitude m (use_dora; Liu et al., DoRA,
// arXiv 2402.09353), norm being that of all elements of an output:
//
//	W' = m * (W + s * B A) / norm(W + s * B A)
//
// For an embedding this is what PEFT's forward pass computes; merge_and_unload of PEFT 0.14 ignores its magnitude. Tensors of
// modules_to_save, biases and embeddings that PEFT stored as a whole take the place of W.
//
// The factor t of an adapter scales its whole delta, W' - W: 1 gives what merge_and_unload of PEFT gives, 0 gives W. Deltas of
// several adapters are added, each taken from the same W.
//
// # Refused
//
// By name: other methods (LoHa, LoKr, AdaLoRA, (IA)3, VeRA, OFT and more), biases of LoRA's own layers, which versions of PEFT
// merge differently, initialisations that change the weights of the network (PiSSA, OLoRA, LoftQ, CorDA), options that are not
// known, tensors that belong to nothing, and elements that are not finite.
package adapter
