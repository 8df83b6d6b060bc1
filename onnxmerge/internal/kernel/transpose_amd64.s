#include "textflag.h"

// Rows 0 to 3 and 4 to 7 of a square are in the lower and upper halves of Y0 to Y3, for four elements of each: columns
// from + 0 to from + 3. They become rows of dst, from AX on.
#define FOUR(from) \
	VMOVUPS from(SI), X0 \
	VMOVUPS from(SI)(R9*1), X1 \
	VMOVUPS from(SI)(R9*2), X2 \
	VMOVUPS from(SI)(R10*1), X3 \
	VINSERTF128 $1, from(R11), Y0, Y0 \
	VINSERTF128 $1, from(R11)(R9*1), Y1, Y1 \
	VINSERTF128 $1, from(R11)(R9*2), Y2, Y2 \
	VINSERTF128 $1, from(R11)(R10*1), Y3, Y3 \
	VUNPCKLPS Y1, Y0, Y4 \
	VUNPCKHPS Y1, Y0, Y5 \
	VUNPCKLPS Y3, Y2, Y6 \
	VUNPCKHPS Y3, Y2, Y7 \
	VSHUFPS $0x44, Y6, Y4, Y0 \
	VSHUFPS $0xEE, Y6, Y4, Y1 \
	VSHUFPS $0x44, Y7, Y5, Y2 \
	VSHUFPS $0xEE, Y7, Y5, Y3 \
	VMOVUPS Y0, (AX) \
	VMOVUPS Y1, (AX)(R8*1) \
	VMOVUPS Y2, (AX)(R8*2) \
	VMOVUPS Y3, (AX)(DX*1)

// func transposeAVX(dst *byte, step int, src *byte, srcStep, n int)
TEXT ·transposeAVX(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ step+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ srcStep+24(FP), R9
	MOVQ n+32(FP), CX
	LEAQ (R8)(R8*2), DX   // three rows of dst
	LEAQ (R9)(R9*2), R10  // three rows of src
	LEAQ (DI)(R8*4), BX   // rows 4 to 7 of dst

square:
	LEAQ (SI)(R9*4), R11
	MOVQ DI, AX
	FOUR(0)
	MOVQ BX, AX
	FOUR(16)
	ADDQ $32, DI
	ADDQ $32, BX
	LEAQ (SI)(R9*8), SI
	DECQ CX
	JNZ  square
	VZEROUPPER
	RET
