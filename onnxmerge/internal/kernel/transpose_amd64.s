#include "textflag.h"

// Rows 0 to 3 and 4 to 7 of a square are in the lower and upper halves of Y0 to Y3, for four elements of each: columns
// from + 0 to from + 3. They become rows of dst, from AX on, which is moved behind them.
#define FOUR(from) \
	VMOVUPS from(BX), X0 \
	VMOVUPS from(BX)(R9*1), X1 \
	VMOVUPS from(BX)(R9*2), X2 \
	VMOVUPS from(BX)(R10*1), X3 \
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
	VMOVUPS Y3, (AX)(DX*1) \
	LEAQ (AX)(R8*4), AX

// func transposeAVX(dst *byte, step int, src *byte, srcStep, rows, columns int)
TEXT ·transposeAVX(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ step+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ srcStep+24(FP), R9
	MOVQ rows+32(FP), R12
	MOVQ columns+40(FP), CX
	LEAQ (R8)(R8*2), DX   // three rows of dst
	LEAQ (R9)(R9*2), R10  // three rows of src

eightColumns:
	MOVQ DI, AX
	MOVQ SI, BX
	MOVQ R12, R13

square:
	LEAQ (BX)(R9*4), R11
	FOUR(0)
	FOUR(16)
	LEAQ (BX)(R9*8), R11  // what is 16 rows further on, which processors do not load ahead if rows are long
	LEAQ (R11)(R9*8), R11
	PREFETCHT0 (R11)
	PREFETCHT0 (R11)(R9*1)
	PREFETCHT0 (R11)(R9*2)
	PREFETCHT0 (R11)(R10*1)
	LEAQ (R11)(R9*4), R11
	PREFETCHT0 (R11)
	PREFETCHT0 (R11)(R9*1)
	PREFETCHT0 (R11)(R9*2)
	PREFETCHT0 (R11)(R10*1)
	ADDQ $32, BX
	DECQ R13
	JNZ  square
	ADDQ $32, DI
	LEAQ (SI)(R9*8), SI
	DECQ CX
	JNZ  eightColumns
	VZEROUPPER
	RET
