"""The architectures of the wide corpus that PyTorch has: torchvision's, timm's, transformers', torchaudio's and
those of scripts/export, all narrow, with random weights."""

import contextlib
import pathlib
import sys
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

import nets as old
import sequence

EXPORT = pathlib.Path(__file__).resolve().parents[1] / "export"


@dataclass
class Net:
    make: callable  # number of classes to module; without a head the number is ignored
    shapes: list  # of the inputs, without the batch
    integers: list = field(
        default_factory=list
    )  # for each input: integers below this; 0 is a mask of ones; None floats
    head: bool = True
    samples: bool = False  # a few samples may differ: selection downstream of rounding

    def inputs(self, batch, seed=0):
        r = np.random.default_rng(seed)
        made = []
        for s, hi in zip(self.shapes, self.integers or [None] * len(self.shapes)):
            if hi is None:
                made.append(r.standard_normal((batch, *s)).astype(np.float32))
            else:
                made.append(r.integers(0, hi, (batch, *s)) if hi else np.ones((batch, *s), np.int64))
        return tuple(map(torch.from_numpy, made))


NETS = {}


def net(name, *shapes, **options):
    def register(make):
        NETS[name] = Net(make, list(shapes), **options)
        return make

    return register


class First(nn.Module):
    """The model with one tensor as its output."""

    def __init__(self, model, pick, **fixed):
        super().__init__()
        self.model, self.pick, self.fixed = model, pick, fixed

    def forward(self, *inputs):
        return self.pick(self.model(*inputs, **self.fixed))


@contextlib.contextmanager
def narrowed(k):
    """Layers made inside have channel counts divided by k, if they are multiples of it and above 4."""

    def less(c):
        return c // k if c > 4 and c % k == 0 else c

    saved = []

    def patch(cls, change):
        init = cls.__init__
        saved.append((cls, init))

        def narrow(self, *args, **kwargs):
            init(self, *change(list(args), kwargs), **kwargs)

        cls.__init__ = narrow

    def first(n, keys):
        def change(args, kwargs):
            for i in range(min(n, len(args))):
                args[i] = less(args[i])
            for key in keys:
                if key in kwargs:
                    kwargs[key] = less(kwargs[key])
            return args

        return change

    patch(nn.Conv2d, first(2, ["in_channels", "out_channels", "groups"]))
    patch(nn.ConvTranspose2d, first(2, ["in_channels", "out_channels", "groups"]))
    patch(nn.Linear, first(2, ["in_features", "out_features"]))
    patch(nn.BatchNorm2d, first(1, ["num_features"]))
    try:
        yield
    finally:
        for cls, init in reversed(saved):
            cls.__init__ = init


IMAGE = (3, 32, 32)
IMAGE64 = (3, 64, 64)


def torchvision_nets():
    import functools

    from torchvision import models as tv
    from torchvision.models import convnext, densenet, efficientnet, inception, mobilenetv3, regnet, segmentation
    from torchvision.models import swin_transformer, vision_transformer
    from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d

    def narrow(name, make, shape=IMAGE, k=8, **options):
        @net(name, shape, **options)
        def _(classes):
            with narrowed(k):
                return make(classes)

    narrow("tv_resnet", lambda c: tv.ResNet(tv.resnet.BasicBlock, [2, 1, 1, 1], num_classes=c))
    narrow(
        "tv_resnext",
        lambda c: tv.ResNet(tv.resnet.Bottleneck, [1, 1, 1, 1], num_classes=c, groups=32, width_per_group=4),
        k=16,
    )
    narrow(
        "tv_resnet_groupnorm",
        lambda c: tv.ResNet(
            tv.resnet.BasicBlock, [1, 1, 1, 1], num_classes=c, norm_layer=lambda n: nn.GroupNorm(2, n // 8)
        ),
    )
    narrow(
        "tv_resnet_frozen",
        lambda c: tv.ResNet(
            tv.resnet.BasicBlock, [1, 1, 1, 1], num_classes=c, norm_layer=lambda n: FrozenBatchNorm2d(n // 8)
        ),
    )
    narrow(
        "tv_vgg_bn",
        lambda c: nn.Sequential(
            tv.vgg.make_layers([64, "M", 128, "M", 256, 256, "M", 256, "M"], batch_norm=True),
            nn.Flatten(),
            nn.Linear(1024, 512),
            nn.ReLU(),
            nn.Linear(512, c),
        ),
        k=16,
    )
    narrow("tv_squeezenet", lambda c: tv.squeezenet1_1(num_classes=c), k=8)
    narrow("tv_densenet", lambda c: densenet.DenseNet(16, (2, 3, 2), 32, num_classes=c), k=2)
    narrow("tv_googlenet", lambda c: tv.GoogLeNet(c, aux_logits=False, init_weights=False), k=8, shape=IMAGE64)
    narrow(
        "tv_segmentation_fcn",
        lambda c: First(
            segmentation.FCN(
                tv._utils.IntermediateLayerGetter(
                    tv.ResNet(tv.resnet.Bottleneck, [1, 1, 1, 1], replace_stride_with_dilation=[False, True, True]),
                    {"layer4": "out"},
                ),
                segmentation.fcn.FCNHead(2048, c),
            ),
            lambda o: o["out"],
        ),
        k=16,
    )
    narrow(
        "tv_segmentation_deeplab",
        lambda c: First(
            segmentation.DeepLabV3(
                tv._utils.IntermediateLayerGetter(tv.ResNet(tv.resnet.Bottleneck, [1, 1, 1, 1]), {"layer4": "out"}),
                segmentation.deeplabv3.DeepLabHead(2048, c, [2, 3]),
            ),
            lambda o: o["out"],
        ),
        k=16,
        shape=IMAGE64,
    )

    @net("tv_fpn", IMAGE64, head=False)
    def _(_):
        class Pyramid(nn.Module):
            def __init__(self):
                super().__init__()
                with narrowed(8):
                    body = tv.ResNet(tv.resnet.BasicBlock, [1, 1, 1, 1])
                self.body = tv._utils.IntermediateLayerGetter(body, {f"layer{i}": str(i) for i in (2, 3, 4)})
                self.fpn = FeaturePyramidNetwork([16, 32, 64], 12)

            def forward(self, x):
                f = self.fpn(self.body(x))
                return torch.cat([v.flatten(2) for v in f.values()], 2)

        return Pyramid()

    @net("tv_lraspp", IMAGE64)
    def _(classes):
        settings, last = mobilenetv3._mobilenet_v3_conf("mobilenet_v3_small", width_mult=0.25)
        body = mobilenetv3.MobileNetV3(settings, last // 8, num_classes=classes).features
        at = [i for i, b in enumerate(body) if getattr(b, "_is_cn", False)]
        low, high = at[0], len(body) - 1
        return First(
            segmentation.LRASPP(
                tv._utils.IntermediateLayerGetter(body, {str(low): "low", str(high): "high"}),
                body[low].out_channels,
                body[high].out_channels,
                classes,
                16,
            ),
            lambda o: o["out"],
        )

    net("tv_mobilenet_v2", IMAGE)(
        lambda c: tv.MobileNetV2(c, 0.1, [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 2, 1], [6, 96, 1, 2]], 8)
    )

    @net("tv_mobilenet_v3", IMAGE)
    def _(classes):
        settings, last = mobilenetv3._mobilenet_v3_conf("mobilenet_v3_small", width_mult=0.2)
        return mobilenetv3.MobileNetV3(settings, last // 4, num_classes=classes)

    @net("tv_efficientnet", IMAGE)
    def _(classes):
        C = functools.partial(efficientnet.MBConvConfig, width_mult=0.25, depth_mult=1.0)
        return efficientnet.EfficientNet(
            [C(1, 3, 1, 32, 16, 1), C(6, 3, 2, 16, 24, 2), C(6, 5, 2, 24, 40, 2), C(6, 3, 2, 40, 80, 1)],
            0.1,
            num_classes=classes,
            last_channel=64,
        )

    @net("tv_efficientnet_v2", IMAGE)
    def _(classes):
        F = functools.partial(efficientnet.FusedMBConvConfig)
        C = functools.partial(efficientnet.MBConvConfig)
        return efficientnet.EfficientNet(
            [F(1, 3, 1, 8, 8, 1), F(4, 3, 2, 8, 16, 2), C(4, 3, 2, 16, 24, 2)],
            0.1,
            num_classes=classes,
            last_channel=64,
        )

    @net("tv_convnext", IMAGE64)
    def _(classes):
        B = convnext.CNBlockConfig
        return convnext.ConvNeXt([B(16, 24, 1), B(24, 32, 2), B(32, None, 1)], layer_scale=0.5, num_classes=classes)

    net("tv_swin", IMAGE64)(
        lambda c: swin_transformer.SwinTransformer([4, 4], 16, [2, 2], [2, 2], [4, 4], num_classes=c)
    )
    net("tv_swin_v2", IMAGE64)(
        lambda c: swin_transformer.SwinTransformer(
            [4, 4],
            16,
            [2, 2],
            [2, 2],
            [4, 4],
            num_classes=c,
            block=swin_transformer.SwinTransformerBlockV2,
            downsample_layer=swin_transformer.PatchMergingV2,
        )
    )
    net("tv_vit", IMAGE)(lambda c: vision_transformer.VisionTransformer(32, 8, 2, 2, 24, 48, num_classes=c))
    net("tv_regnet_y", IMAGE)(
        lambda c: regnet.RegNet(
            regnet.BlockParams([1, 2, 1, 1], [16, 24, 32, 40], [8] * 4, [1.0] * 4, [2] * 4, 0.25), c, 16
        )
    )
    net("tv_regnet_x", IMAGE)(
        lambda c: regnet.RegNet(regnet.BlockParams([1, 1, 2, 1], [16, 24, 32, 40], [8] * 4, [1.0] * 4, [2] * 4), c, 16)
    )
    net("tv_shufflenet", IMAGE)(lambda c: tv.ShuffleNetV2([2, 3, 2], [8, 16, 24, 32, 48], num_classes=c))
    net("tv_mnasnet", IMAGE)(lambda c: tv.MNASNet(0.1, num_classes=c))
    net("tv_maxvit", IMAGE)(lambda c: tv.MaxVit((32, 32), 16, 4, [16, 24], [1, 2], 8, 0.0, num_classes=c))

    def inception_block(classes):
        with narrowed(4):
            return nn.Sequential(
                inception.InceptionA(32, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, classes)
            )

    net("tv_inception_block", (8, 12, 12))(inception_block)


def timm_nets():
    import timm
    from timm.models import convmixer, ghostnet, maxxvit, metaformer, mlp_mixer, resnetv2

    def direct(name, make, shape=IMAGE):
        net("timm_" + name, shape)(make)

    def mixer(name, **kwargs):
        direct(name, lambda c: mlp_mixer.MlpMixer(c, 32, 3, 8, num_blocks=2, embed_dim=24, **kwargs))

    mixer("mixer")
    mixer("resmlp", mlp_ratio=4, block_layer=mlp_mixer.ResBlock, norm_layer=mlp_mixer.Affine)
    mixer("gmlp", mlp_ratio=4, block_layer=mlp_mixer.SpatialGatingBlock, mlp_layer=mlp_mixer.GatedMlp)
    direct("convmixer", lambda c: convmixer.ConvMixer(24, 3, 5, 4, num_classes=c))
    direct(
        "ghostnet", lambda c: ghostnet.GhostNet([[[3, 16, 16, 0, 1]], [[3, 48, 24, 0.25, 2]], [[5, 72, 24, 0, 1]]], c)
    )
    direct(
        "resnetv2_bit",
        lambda c: resnetv2.ResNetV2(
            [1, 1],
            (32, 64),
            c,
            stem_chs=16,
            stem_type="same",
            norm_layer=lambda n, **k: timm.layers.GroupNormAct(n, num_groups=4),
        ),
    )
    direct(
        "poolformer",
        lambda c: metaformer.MetaFormer(
            3,
            c,
            depths=(1, 1, 1, 1),
            dims=(8, 16, 24, 32),
            downsample_norm=None,
            mlp_act=nn.GELU,
            mlp_bias=True,
            norm_layers=metaformer.GroupNorm1,
            layer_scale_init_values=0.5,
            res_scale_init_values=None,
            use_mlp_head=False,
        ),
        IMAGE64,
    )
    direct(
        "caformer",
        lambda c: metaformer.MetaFormer(
            3,
            c,
            depths=(1, 1, 1, 1),
            dims=(8, 16, 32, 64),
            token_mixers=[metaformer.SepConv, metaformer.SepConv, metaformer.Attention, metaformer.Attention],
            norm_layers=[metaformer.LayerNorm2dNoBias] * 2 + [metaformer.LayerNormNoBias] * 2,
        ),
        IMAGE64,
    )

    def maxxvit_net(name, blocks, **kwargs):
        direct(
            name,
            lambda c: maxxvit.MaxxVit(
                maxxvit.MaxxVitCfg(
                    (16, 24), (1, 2), blocks, 8, **maxxvit._rw_max_cfg(dim_head=8, window_size=(4, 4), **kwargs)
                ),
                32,
                num_classes=c,
            ),
        )

    maxxvit_net("maxvit", ("M", "M"))
    maxxvit_net("coatnet", ("C", "T"))
    maxxvit_net("maxvit_mlp", ("M", "M"), rel_pos_type="mlp", rel_pos_dim=16, init_values=0.5)

    def add(timm_name, name, shape=IMAGE, **kwargs):
        net("timm_" + name, shape)(lambda c: timm.create_model(timm_name, num_classes=c, **kwargs))

    add(
        "levit_128s",
        "levit",
        IMAGE64,
        img_size=64,
        embed_dim=(16, 24, 32),
        key_dim=8,
        num_heads=(2, 3, 4),
        depth=(1, 1, 1),
    )
    add("cait_xxs24_224", "cait", img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=2)
    add("vit_tiny_patch16_224", "vit", img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=2)
    add(
        "vit_tiny_patch16_224",
        "vit_qknorm",
        img_size=32,
        patch_size=8,
        embed_dim=24,
        depth=2,
        num_heads=2,
        qk_norm=True,
        init_values=0.5,
    )
    add("deit_tiny_distilled_patch16_224", "deit", img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=2)
    add("beit_base_patch16_224", "beit", img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=2)
    add("beitv2_base_patch16_224", "beitv2", img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=2)
    add("resnetv2_50", "resnetv2", layers=(1, 1, 1), channels=(32, 48, 64), stem_chs=8)
    add("xcit_nano_12_p16_224", "xcit", img_size=32, embed_dim=32, depth=2, num_heads=2, patch_size=8)
    add("eva02_tiny_patch14_224", "eva02", img_size=28, embed_dim=24, depth=2, num_heads=2, shape=(3, 28, 28))
    add("convnextv2_atto", "convnextv2", IMAGE64, depths=(1, 1, 1, 1), dims=(8, 12, 16, 24))
    add("edgenext_xx_small", "edgenext", IMAGE64, dims=(16, 24, 32, 48), depths=(1, 1, 2, 1), heads=(2, 2, 2, 2))
    add("pvt_v2_b0", "pvt", IMAGE64, depths=(1, 1, 1, 1), embed_dims=(8, 16, 24, 32), num_heads=(1, 2, 2, 2))
    add(
        "twins_svt_small",
        "twins",
        IMAGE64,
        img_size=64,
        depths=(1, 1, 1, 1),
        embed_dims=(16, 24, 32, 48),
        num_heads=(2, 2, 2, 2),
    )


def transformers_nets():
    import transformers as t

    ids = dict(integers=[50, 0])
    text = [(12,), (12,)]
    size = dict(
        vocab_size=50,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=20,
    )

    def logits(model):
        return First(model, lambda o: o.logits)

    def hidden(model):
        return First(model, lambda o: o.last_hidden_state)

    def classifier(name, config, cls, **extra):
        net("hf_" + name, *text, **ids)(
            lambda c: logits(cls(config(num_labels=c, **(size | extra), attn_implementation="eager")))
        )

    classifier("bert", t.BertConfig, t.BertForSequenceClassification)
    classifier("roberta", t.RobertaConfig, t.RobertaForSequenceClassification, pad_token_id=1)
    classifier("albert", t.AlbertConfig, t.AlbertForSequenceClassification, embedding_size=12)
    classifier("electra", t.ElectraConfig, t.ElectraForSequenceClassification, embedding_size=12)
    classifier(
        "deberta",
        t.DebertaV2Config,
        t.DebertaV2ForSequenceClassification,
        relative_attention=True,
        pos_att_type=["c2p", "p2c"],
        position_buckets=8,
        pad_token_id=0,
    )
    net("hf_distilbert", *text, **ids)(
        lambda c: logits(
            t.DistilBertForSequenceClassification(
                t.DistilBertConfig(
                    vocab_size=50,
                    dim=24,
                    n_layers=2,
                    n_heads=2,
                    hidden_dim=48,
                    max_position_embeddings=20,
                    num_labels=c,
                    attn_implementation="eager",
                )
            )
        )
    )
    net("hf_xlnet", (12,), integers=[50], head=False)(
        lambda _: hidden(t.XLNetModel(t.XLNetConfig(vocab_size=50, d_model=24, n_layer=2, n_head=2, d_inner=48)))
    )
    net("hf_gpt2", (12,), integers=[50], head=False)(
        lambda _: First(
            t.GPT2Model(
                t.GPT2Config(
                    vocab_size=50,
                    n_embd=24,
                    n_layer=2,
                    n_head=2,
                    n_positions=20,
                    attn_implementation="eager",
                    use_cache=False,
                )
            ),
            lambda o: o.last_hidden_state,
        )
    )
    net("hf_gpt2_lm", (12,), integers=[50], head=False)(
        lambda _: First(
            t.GPT2LMHeadModel(
                t.GPT2Config(
                    vocab_size=50,
                    n_embd=24,
                    n_layer=2,
                    n_head=2,
                    n_positions=20,
                    attn_implementation="eager",
                    use_cache=False,
                )
            ),
            lambda o: o.logits,
        )
    )
    net("hf_t5_encoder", (12,), integers=[50], head=False)(
        lambda _: hidden(
            t.T5EncoderModel(t.T5Config(vocab_size=50, d_model=24, d_kv=12, d_ff=48, num_layers=2, num_heads=2))
        )
    )
    net("hf_llama", (12,), integers=[50], head=False)(
        lambda _: First(
            t.LlamaModel(
                t.LlamaConfig(
                    vocab_size=50,
                    hidden_size=24,
                    intermediate_size=48,
                    num_hidden_layers=2,
                    num_attention_heads=4,
                    num_key_value_heads=2,
                    max_position_embeddings=32,
                    attn_implementation="eager",
                    use_cache=False,
                )
            ),
            lambda o: o.last_hidden_state,
        )
    )
    net("hf_vit", IMAGE)(
        lambda c: logits(
            t.ViTForImageClassification(
                t.ViTConfig(
                    hidden_size=24,
                    num_hidden_layers=2,
                    num_attention_heads=2,
                    intermediate_size=48,
                    image_size=32,
                    patch_size=8,
                    num_labels=c,
                    attn_implementation="eager",
                )
            )
        )
    )
    net("hf_dinov2", IMAGE, head=False)(
        lambda _: hidden(
            t.Dinov2Model(
                t.Dinov2Config(
                    hidden_size=24,
                    num_hidden_layers=2,
                    num_attention_heads=2,
                    mlp_ratio=2,
                    image_size=32,
                    patch_size=8,
                    layerscale_value=0.5,
                    attn_implementation="eager",
                )
            )
        )
    )
    net("hf_segformer", IMAGE64)(
        lambda c: logits(
            t.SegformerForSemanticSegmentation(
                t.SegformerConfig(
                    depths=[1, 1],
                    num_encoder_blocks=2,
                    sr_ratios=[2, 1],
                    hidden_sizes=[16, 24],
                    patch_sizes=[7, 3],
                    strides=[4, 2],
                    num_attention_heads=[2, 2],
                    mlp_ratios=[2, 2],
                    decoder_hidden_size=16,
                    num_labels=c,
                )
            )
        )
    )
    clip = t.CLIPConfig.from_text_vision_configs(
        t.CLIPTextConfig(
            vocab_size=50,
            hidden_size=24,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=20,
            projection_dim=16,
            eos_token_id=49,
        ),
        t.CLIPVisionConfig(
            hidden_size=24,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            projection_dim=16,
        ),
        projection_dim=16,
        attn_implementation="eager",
    )
    net("hf_clip", (12,), IMAGE, integers=[50, None], head=False)(
        lambda _: First(
            t.CLIPModel(clip), lambda o: torch.cat([o.text_embeds, o.image_embeds, o.logits_per_text[:, :1]], 1)
        )
    )
    net("hf_clip_vision", IMAGE, head=False)(
        lambda _: First(t.CLIPVisionModelWithProjection(clip.vision_config), lambda o: o.image_embeds)
    )
    net("hf_whisper", (16, 40), head=False)(
        lambda _: hidden(
            t.models.whisper.modeling_whisper.WhisperEncoder(
                t.WhisperConfig(
                    vocab_size=60,
                    num_mel_bins=16,
                    d_model=24,
                    encoder_layers=2,
                    encoder_attention_heads=2,
                    encoder_ffn_dim=48,
                    max_source_positions=20,
                    attn_implementation="eager",
                    pad_token_id=1,
                    bos_token_id=2,
                    eos_token_id=3,
                    decoder_start_token_id=4,
                )
            )
        )
    )
    net("hf_wav2vec2", (800,), head=False)(
        lambda _: hidden(
            t.Wav2Vec2Model(
                t.Wav2Vec2Config(
                    hidden_size=24,
                    num_hidden_layers=2,
                    num_attention_heads=2,
                    intermediate_size=48,
                    conv_dim=(16, 16, 16),
                    conv_stride=(5, 2, 2),
                    conv_kernel=(10, 3, 3),
                    num_conv_pos_embeddings=8,
                    num_conv_pos_embedding_groups=4,
                    attn_implementation="eager",
                    mask_time_prob=0.0,
                )
            )
        )
    )


def audio_nets():
    from torchaudio.models import Conformer

    @net("ta_conformer", (10, 16))
    def _(classes):
        class Speech(nn.Module):
            def __init__(self):
                super().__init__()
                self.conformer = Conformer(16, 2, 32, 2, 7)
                self.head = nn.Linear(16, classes)

            def forward(self, x):
                lengths = torch.full((x.shape[0],), x.shape[1], dtype=torch.int64)
                return self.head(self.conformer(x, lengths)[0].mean(1))

        return Speech()


class Recurrent(nn.Module):
    def __init__(self, cls, classes, layers, both):
        super().__init__()
        self.rnn = cls(12, 16, layers, batch_first=True, bidirectional=both)
        self.head = nn.Linear(32 if both else 16, classes)

    def forward(self, x):
        return self.head(self.rnn(x)[0].mean(1))


class Gated(nn.Module):
    """Weights of one element (PReLU, ReZero gates), a normalisation last, transposed convolutions."""

    def __init__(self, classes):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3 if i == 0 else 8, 8, 3, padding=1) for i in range(4)])
        self.gates = nn.Parameter(torch.tensor([0.3, 0.7, 0.5, 0.9]))
        self.acts = nn.ModuleList([nn.PReLU() for _ in range(2)] + [nn.PReLU(8) for _ in range(2)])
        self.up = nn.ConvTranspose2d(8, 8, 2, 2)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        for i, (conv, act) in enumerate(zip(self.convs, self.acts)):
            y = act(conv(x)) * self.gates[i]
            x = y if i == 0 else x + y
        return self.head(self.norm(self.up(x).mean((2, 3))))


def own_nets():
    for cls in (nn.LSTM, nn.GRU):
        for both in (False, True):
            net(f"{cls.__name__.lower()}{'_both' if both else ''}", (7, 12))(
                lambda c, cls=cls, both=both: Recurrent(cls, c, 2, both)
            )
    net("gated", (3, 8, 8))(Gated)
    for name in ("unet", "senet", "depthwise", "cross_attention"):
        n = old.NETS[name]
        net("own_" + name, *n.shapes, head=False)(lambda _, n=n: n.make())


def cloud_nets():
    """The point-cloud networks, small ones of corpus and those of scripts/export."""
    for name in ("pointnet", "dgcnn", "pointnet2", "point_transformer"):
        n = old.NETS[name]
        net("cloud_" + name, *n.shapes, head=False, samples=True)(lambda _, n=n: n.make())
    sys.path.insert(0, str(EXPORT))
    import pct
    import transformer

    class Tokens(nn.Module):
        """The transformer of the Point-MAE family over tokens, without sampling."""

        def __init__(self, classes):
            super().__init__()
            self.embed, self.pos = nn.Linear(6, 24), nn.Linear(3, 24)
            self.blocks = nn.ModuleList([transformer.Block(24, 2) for _ in range(2)])
            self.norm, self.head = nn.LayerNorm(24), nn.Linear(24, classes)

        def forward(self, x):
            y, pos = self.embed(x), self.pos(x[..., :3])
            for b in self.blocks:
                y = b(y + pos)
            return self.head(self.norm(y).max(1)[0])

    net("cloud_point_mae_blocks", (16, 6))(Tokens)

    class Attention(nn.Module):
        """PCT's offset attention on features of points."""

        def __init__(self, classes):
            super().__init__()
            self.inp = nn.Conv1d(3, 16, 1)
            self.layers = nn.ModuleList([pct.OffsetAttention(16) for _ in range(2)])
            self.head = nn.Linear(16, classes)

        def forward(self, x):
            y = self.inp(x)
            for layer in self.layers:
                y = layer(y)
            return self.head(y.max(2)[0])

    net("cloud_pct_attention", (3, 20))(Attention)


def load(groups=("torchvision", "timm", "transformers", "audio", "own")):
    for g in groups:
        globals()[g + "_nets"]()
    return NETS


if __name__ == "__main__":
    import transformers

    transformers.logging.set_verbosity_error()
    for group in sys.argv[1:] or ["torchvision", "timm", "transformers", "audio", "own"]:
        globals()[group + "_nets"]()
    for name, n in NETS.items():
        try:
            m = n.make(5).eval()
            with torch.no_grad():
                y = m(*n.inputs(2))
            print(
                f"{name}: {sum(p.numel() for p in m.parameters()) * 4 // 1024} KB, output {tuple(y.shape)}", flush=True
            )
        except Exception as e:
            print(f"{name}: FAILED {type(e).__name__}: {str(e)[:200]}", flush=True)
