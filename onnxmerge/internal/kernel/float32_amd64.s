#include "textflag.h"

// widenSSE2 and narrowSSE2 use SSE2, which every amd64 processor has.

// func widenSSE2(dst *float64, src *byte, n int)
TEXT ·widenSSE2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

widen:
	CVTPS2PD (SI), X0
	CVTPS2PD 8(SI), X1
	CVTPS2PD 16(SI), X2
	CVTPS2PD 24(SI), X3
	MOVUPD X0, (DI)
	MOVUPD X1, 16(DI)
	MOVUPD X2, 32(DI)
	MOVUPD X3, 48(DI)
	ADDQ $32, SI
	ADDQ $64, DI
	SUBQ $8, CX
	JNZ widen
	RET

// func narrowSSE2(dst *byte, src *float64, n int) (finite bool)
TEXT ·narrowSSE2(SB), NOSPLIT, $0-25
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	XORPS X6, X6 // 0 while all results are finite: Inf - Inf is NaN
	XORPS X7, X7

narrow:
	MOVUPD (SI), X0
	MOVUPD 16(SI), X1
	MOVUPD 32(SI), X2
	MOVUPD 48(SI), X3
	CVTPD2PS X0, X0
	CVTPD2PS X1, X1
	CVTPD2PS X2, X2
	CVTPD2PS X3, X3
	UNPCKLPD X1, X0
	UNPCKLPD X3, X2
	MOVUPS X0, (DI)
	MOVUPS X2, 16(DI)
	SUBPS X0, X0
	SUBPS X2, X2
	ADDPS X0, X6
	ADDPS X2, X7
	ADDQ $64, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ narrow
	ADDPS X7, X6
	CMPPS X6, X6, $3 // all ones in the lanes of NaN
	MOVMSKPS X6, AX
	TESTL AX, AX
	SETEQ finite+24(FP)
	RET

// func lerpAVX(dst, a, b *byte, n int, s, t float64) (finite bool)
//
// It uses AVX. Products are rounded before they are added, as in Lerp.
TEXT ·lerpAVX(SB), NOSPLIT, $0-49
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	VBROADCASTSD s+32(FP), Y14
	VBROADCASTSD t+40(FP), Y15
	VXORPS X12, X12, X12 // 0 while all results are finite: Inf - Inf is NaN
	VXORPS X13, X13, X13

mix:
	VCVTPS2PD (SI), Y0
	VCVTPS2PD 16(SI), Y1
	VCVTPS2PD (DX), Y2
	VCVTPS2PD 16(DX), Y3
	VMULPD Y14, Y0, Y0
	VMULPD Y14, Y1, Y1
	VMULPD Y15, Y2, Y2
	VMULPD Y15, Y3, Y3
	VADDPD Y2, Y0, Y0
	VADDPD Y3, Y1, Y1
	VCVTPD2PSY Y0, X0
	VCVTPD2PSY Y1, X1
	VMOVUPS X0, (DI)
	VMOVUPS X1, 16(DI)
	VSUBPS X0, X0, X0
	VSUBPS X1, X1, X1
	VADDPS X0, X12, X12
	VADDPS X1, X13, X13
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ mix
	VADDPS X12, X13, X13
	VCMPPS $3, X13, X13, X13 // all ones in the lanes of NaN
	VMOVMSKPS X13, AX
	VZEROUPPER
	TESTL AX, AX
	SETEQ finite+48(FP)
	RET
