// Written by `plinth types`; what is changed here is lost.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  public: {
    Tables: {
      backup_logs: {
        Row: {
          backup_type: string
          completed_at: string | null
          details: Json
          error: string | null
          id: string
          shop_id: string | null
          size_bytes: number | null
          started_at: string
          status: Database['public']['Enums']['run_status']
        }
        Insert: {
          backup_type: string
          completed_at?: string | null
          details?: Json
          error?: string | null
          id?: string
          shop_id?: string | null
          size_bytes?: number | null
          started_at?: string
          status?: Database['public']['Enums']['run_status']
        }
        Update: {
          backup_type?: string
          completed_at?: string | null
          details?: Json
          error?: string | null
          id?: string
          shop_id?: string | null
          size_bytes?: number | null
          started_at?: string
          status?: Database['public']['Enums']['run_status']
        }
        Relationships: [
          {
            foreignKeyName: 'backup_logs_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      conversation_notes: {
        Row: {
          author_id: string | null
          conversation_id: string
          created_at: string
          id: string
          shop_id: string
          text: string
        }
        Insert: {
          author_id?: string | null
          conversation_id: string
          created_at?: string
          id?: string
          shop_id: string
          text: string
        }
        Update: {
          author_id?: string | null
          conversation_id?: string
          created_at?: string
          id?: string
          shop_id?: string
          text?: string
        }
        Relationships: [
          {
            foreignKeyName: 'conversation_notes_shop_id_conversation_id_fkey'
            columns: ['shop_id', 'conversation_id']
            isOneToOne: false
            referencedRelation: 'conversations'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      conversation_reads: {
        Row: {
          conversation_id: string
          last_seq: number
          read_at: string
          shop_id: string
          user_id: string
        }
        Insert: {
          conversation_id: string
          last_seq: number
          read_at?: string
          shop_id: string
          user_id: string
        }
        Update: {
          conversation_id?: string
          last_seq?: number
          read_at?: string
          shop_id?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'conversation_reads_shop_id_conversation_id_fkey'
            columns: ['shop_id', 'conversation_id']
            isOneToOne: false
            referencedRelation: 'conversations'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      conversations: {
        Row: {
          assigned_to: string | null
          bot_paused_until: string | null
          created_at: string
          customer_contact: string | null
          customer_name: string | null
          external_id: string | null
          id: string
          integration_id: string | null
          last_message_at: string | null
          platform: Database['public']['Enums']['social_platform'] | null
          shop_id: string
          state: Database['public']['Enums']['conversation_state']
          updated_at: string
        }
        Insert: {
          assigned_to?: string | null
          bot_paused_until?: string | null
          created_at?: string
          customer_contact?: string | null
          customer_name?: string | null
          external_id?: string | null
          id?: string
          integration_id?: string | null
          last_message_at?: string | null
          platform?: Database['public']['Enums']['social_platform'] | null
          shop_id: string
          state?: Database['public']['Enums']['conversation_state']
          updated_at?: string
        }
        Update: {
          assigned_to?: string | null
          bot_paused_until?: string | null
          created_at?: string
          customer_contact?: string | null
          customer_name?: string | null
          external_id?: string | null
          id?: string
          integration_id?: string | null
          last_message_at?: string | null
          platform?: Database['public']['Enums']['social_platform'] | null
          shop_id?: string
          state?: Database['public']['Enums']['conversation_state']
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'conversations_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'conversations_shop_id_integration_id_fkey'
            columns: ['shop_id', 'integration_id']
            isOneToOne: false
            referencedRelation: 'social_integrations'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      coupon_redemptions: {
        Row: {
          coupon_id: string
          customer: string | null
          is_counted: boolean
          order_id: string
          redeemed_at: string
          shop_id: string
        }
        Insert: {
          coupon_id: string
          customer?: string | null
          is_counted?: boolean
          order_id: string
          redeemed_at?: string
          shop_id: string
        }
        Update: {
          coupon_id?: string
          customer?: string | null
          is_counted?: boolean
          order_id?: string
          redeemed_at?: string
          shop_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'coupon_redemptions_shop_id_coupon_id_fkey'
            columns: ['shop_id', 'coupon_id']
            isOneToOne: false
            referencedRelation: 'coupons'
            referencedColumns: ['shop_id', 'id']
          },
          {
            foreignKeyName: 'coupon_redemptions_shop_id_order_id_fkey'
            columns: ['shop_id', 'order_id']
            isOneToOne: true
            referencedRelation: 'form_submissions'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      coupons: {
        Row: {
          code: string
          created_at: string
          enabled: boolean
          ends_at: string | null
          id: string
          kind: Database['public']['Enums']['coupon_kind']
          max_discount: number | null
          max_uses: number | null
          max_uses_per_customer: number | null
          min_total: number
          shop_id: string
          starts_at: string | null
          updated_at: string
          used_count: number
          value: number
        }
        Insert: {
          code: string
          created_at?: string
          enabled?: boolean
          ends_at?: string | null
          id?: string
          kind: Database['public']['Enums']['coupon_kind']
          max_discount?: number | null
          max_uses?: number | null
          max_uses_per_customer?: number | null
          min_total?: number
          shop_id: string
          starts_at?: string | null
          updated_at?: string
          used_count?: number
          value: number
        }
        Update: {
          code?: string
          created_at?: string
          enabled?: boolean
          ends_at?: string | null
          id?: string
          kind?: Database['public']['Enums']['coupon_kind']
          max_discount?: number | null
          max_uses?: number | null
          max_uses_per_customer?: number | null
          min_total?: number
          shop_id?: string
          starts_at?: string | null
          updated_at?: string
          used_count?: number
          value?: number
        }
        Relationships: [
          {
            foreignKeyName: 'coupons_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      daily_sales_metrics: {
        Row: {
          avg_order_value_minor: number
          cancelled_count: number
          categories: Json
          completed_count: number
          confirmed_count: number
          cost_minor: number
          currency: string
          date: string
          discount_minor: number
          generated_at: string
          gross_minor: number
          id: string
          items_returned: number
          items_sold: number
          items_without_cost: number
          net_profit_minor: number
          orders_count: number
          pending_count: number
          refund_minor: number
          return_count: number
          revenue_minor: number
          shop_id: string
        }
        Insert: {
          avg_order_value_minor?: number
          cancelled_count?: number
          categories?: Json
          completed_count?: number
          confirmed_count?: number
          cost_minor?: number
          currency: string
          date: string
          discount_minor?: number
          generated_at?: string
          gross_minor?: number
          id?: string
          items_returned?: number
          items_sold?: number
          items_without_cost?: number
          net_profit_minor?: number
          orders_count?: number
          pending_count?: number
          refund_minor?: number
          return_count?: number
          revenue_minor?: number
          shop_id: string
        }
        Update: {
          avg_order_value_minor?: number
          cancelled_count?: number
          categories?: Json
          completed_count?: number
          confirmed_count?: number
          cost_minor?: number
          currency?: string
          date?: string
          discount_minor?: number
          generated_at?: string
          gross_minor?: number
          id?: string
          items_returned?: number
          items_sold?: number
          items_without_cost?: number
          net_profit_minor?: number
          orders_count?: number
          pending_count?: number
          refund_minor?: number
          return_count?: number
          revenue_minor?: number
          shop_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'daily_sales_metrics_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      form_submissions: {
        Row: {
          conversation_id: string | null
          coupon_code: string | null
          custom_fields: Json
          customer_email: string | null
          customer_name: string | null
          customer_phone: string | null
          delivered_at: string | null
          delivery_address: Json | null
          discount: number
          form_id: string | null
          hold_minutes: number | null
          id: string
          imported: boolean
          ordered_products: Json
          payment_method: string | null
          payment_screenshot_url: string | null
          returned_at: string | null
          shipped_at: string | null
          shipping_carrier: string | null
          shipping_status: Database['public']['Enums']['shipping_status']
          shop_id: string
          status: Database['public']['Enums']['order_status']
          submission_id: string
          submitted_at: string
          tracking_number: string | null
          tracking_url: string | null
          updated_at: string
        }
        Insert: {
          conversation_id?: string | null
          coupon_code?: string | null
          custom_fields?: Json
          customer_email?: string | null
          customer_name?: string | null
          customer_phone?: string | null
          delivered_at?: string | null
          delivery_address?: Json | null
          discount?: number
          form_id?: string | null
          hold_minutes?: number | null
          id?: string
          imported?: boolean
          ordered_products?: Json
          payment_method?: string | null
          payment_screenshot_url?: string | null
          returned_at?: string | null
          shipped_at?: string | null
          shipping_carrier?: string | null
          shipping_status?: Database['public']['Enums']['shipping_status']
          shop_id: string
          status?: Database['public']['Enums']['order_status']
          submission_id?: string
          submitted_at?: string
          tracking_number?: string | null
          tracking_url?: string | null
          updated_at?: string
        }
        Update: {
          conversation_id?: string | null
          coupon_code?: string | null
          custom_fields?: Json
          customer_email?: string | null
          customer_name?: string | null
          customer_phone?: string | null
          delivered_at?: string | null
          delivery_address?: Json | null
          discount?: number
          form_id?: string | null
          hold_minutes?: number | null
          id?: string
          imported?: boolean
          ordered_products?: Json
          payment_method?: string | null
          payment_screenshot_url?: string | null
          returned_at?: string | null
          shipped_at?: string | null
          shipping_carrier?: string | null
          shipping_status?: Database['public']['Enums']['shipping_status']
          shop_id?: string
          status?: Database['public']['Enums']['order_status']
          submission_id?: string
          submitted_at?: string
          tracking_number?: string | null
          tracking_url?: string | null
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'form_submissions_shop_id_conversation_id_fkey'
            columns: ['shop_id', 'conversation_id']
            isOneToOne: false
            referencedRelation: 'conversations'
            referencedColumns: ['shop_id', 'id']
          },
          {
            foreignKeyName: 'form_submissions_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'form_submissions_shop_id_form_id_fkey'
            columns: ['shop_id', 'form_id']
            isOneToOne: false
            referencedRelation: 'forms'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      forms: {
        Row: {
          all_items: boolean
          created_at: string
          description: string | null
          fields: Json
          hold_minutes: number
          id: string
          is_active: boolean
          max_open_orders: number
          name: string
          requires_payment_proof: boolean
          shop_id: string
          updated_at: string
        }
        Insert: {
          all_items?: boolean
          created_at?: string
          description?: string | null
          fields?: Json
          hold_minutes?: number
          id?: string
          is_active?: boolean
          max_open_orders?: number
          name: string
          requires_payment_proof?: boolean
          shop_id: string
          updated_at?: string
        }
        Update: {
          all_items?: boolean
          created_at?: string
          description?: string | null
          fields?: Json
          hold_minutes?: number
          id?: string
          is_active?: boolean
          max_open_orders?: number
          name?: string
          requires_payment_proof?: boolean
          shop_id?: string
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'forms_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      in_app_notifications: {
        Row: {
          action_url: string | null
          created_at: string
          data: Json | null
          id: string
          message: string
          read_at: string | null
          title: string
          type: string
          user_id: string
        }
        Insert: {
          action_url?: string | null
          created_at?: string
          data?: Json | null
          id?: string
          message: string
          read_at?: string | null
          title: string
          type?: string
          user_id: string
        }
        Update: {
          action_url?: string | null
          created_at?: string
          data?: Json | null
          id?: string
          message?: string
          read_at?: string | null
          title?: string
          type?: string
          user_id?: string
        }
        Relationships: []
      }
      items: {
        Row: {
          backorder_limit: number
          category: string | null
          created_at: string
          description: string | null
          duration: string | null
          form_id: string | null
          has_variants: boolean
          id: string
          image_url: string | null
          item_type: Database['public']['Enums']['item_type']
          location: string | null
          low_stock_threshold: number | null
          name: string
          original_price: number | null
          parent_id: string | null
          promo_end_date: string | null
          promo_price: number | null
          promo_start_date: string | null
          retail_price: number
          shop_id: string
          sku: string | null
          stock: number | null
          updated_at: string
          variant: Json | null
          warranty: string | null
        }
        Insert: {
          backorder_limit?: number
          category?: string | null
          created_at?: string
          description?: string | null
          duration?: string | null
          form_id?: string | null
          has_variants?: boolean
          id?: string
          image_url?: string | null
          item_type?: Database['public']['Enums']['item_type']
          location?: string | null
          low_stock_threshold?: number | null
          name: string
          original_price?: number | null
          parent_id?: string | null
          promo_end_date?: string | null
          promo_price?: number | null
          promo_start_date?: string | null
          retail_price?: number
          shop_id: string
          sku?: string | null
          stock?: number | null
          updated_at?: string
          variant?: Json | null
          warranty?: string | null
        }
        Update: {
          backorder_limit?: number
          category?: string | null
          created_at?: string
          description?: string | null
          duration?: string | null
          form_id?: string | null
          has_variants?: boolean
          id?: string
          image_url?: string | null
          item_type?: Database['public']['Enums']['item_type']
          location?: string | null
          low_stock_threshold?: number | null
          name?: string
          original_price?: number | null
          parent_id?: string | null
          promo_end_date?: string | null
          promo_price?: number | null
          promo_start_date?: string | null
          retail_price?: number
          shop_id?: string
          sku?: string | null
          stock?: number | null
          updated_at?: string
          variant?: Json | null
          warranty?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'items_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'items_shop_id_form_id_fkey'
            columns: ['shop_id', 'form_id']
            isOneToOne: false
            referencedRelation: 'forms'
            referencedColumns: ['shop_id', 'id']
          },
          {
            foreignKeyName: 'items_shop_id_parent_id_fkey'
            columns: ['shop_id', 'parent_id']
            isOneToOne: false
            referencedRelation: 'items'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      keyword_replies: {
        Row: {
          apply_to_chat: boolean
          apply_to_comments: boolean
          buttons: Json
          cooldown_seconds: number
          created_at: string
          enabled: boolean
          id: string
          keywords: string[]
          match_type: Database['public']['Enums']['match_type']
          priority: number
          reply: string
          shop_id: string
          updated_at: string
        }
        Insert: {
          apply_to_chat?: boolean
          apply_to_comments?: boolean
          buttons?: Json
          cooldown_seconds?: number
          created_at?: string
          enabled?: boolean
          id?: string
          keywords: string[]
          match_type?: Database['public']['Enums']['match_type']
          priority?: number
          reply: string
          shop_id: string
          updated_at?: string
        }
        Update: {
          apply_to_chat?: boolean
          apply_to_comments?: boolean
          buttons?: Json
          cooldown_seconds?: number
          created_at?: string
          enabled?: boolean
          id?: string
          keywords?: string[]
          match_type?: Database['public']['Enums']['match_type']
          priority?: number
          reply?: string
          shop_id?: string
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'keyword_replies_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      low_stock_alerts: {
        Row: {
          id: string
          item_id: string
          raised_at: string
          resolved_at: string | null
          shop_id: string
          stock: number
          threshold: number
        }
        Insert: {
          id?: string
          item_id: string
          raised_at?: string
          resolved_at?: string | null
          shop_id: string
          stock: number
          threshold: number
        }
        Update: {
          id?: string
          item_id?: string
          raised_at?: string
          resolved_at?: string | null
          shop_id?: string
          stock?: number
          threshold?: number
        }
        Relationships: [
          {
            foreignKeyName: 'low_stock_alerts_shop_id_item_id_fkey'
            columns: ['shop_id', 'item_id']
            isOneToOne: false
            referencedRelation: 'items'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      messages: {
        Row: {
          attachments: Json
          conversation_id: string
          external_id: string | null
          id: string
          in_reply_to: string | null
          is_ai: boolean
          sender: Database['public']['Enums']['message_sender']
          sent_by: string | null
          seq: number
          shop_id: string
          text: string | null
          timestamp: string
        }
        Insert: {
          attachments?: Json
          conversation_id: string
          external_id?: string | null
          id?: string
          in_reply_to?: string | null
          is_ai?: boolean
          sender: Database['public']['Enums']['message_sender']
          sent_by?: string | null
          seq?: never
          shop_id: string
          text?: string | null
          timestamp?: string
        }
        Update: {
          attachments?: Json
          conversation_id?: string
          external_id?: string | null
          id?: string
          in_reply_to?: string | null
          is_ai?: boolean
          sender?: Database['public']['Enums']['message_sender']
          sent_by?: string | null
          seq?: never
          shop_id?: string
          text?: string | null
          timestamp?: string
        }
        Relationships: [
          {
            foreignKeyName: 'messages_shop_id_conversation_id_fkey'
            columns: ['shop_id', 'conversation_id']
            isOneToOne: false
            referencedRelation: 'conversations'
            referencedColumns: ['shop_id', 'id']
          },
          {
            foreignKeyName: 'messages_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      metric_restatements: {
        Row: {
          after: Json
          before: Json
          causes: Json
          date: string
          id: string
          restated_at: string
          shop_id: string
        }
        Insert: {
          after: Json
          before: Json
          causes: Json
          date: string
          id?: string
          restated_at?: string
          shop_id: string
        }
        Update: {
          after?: Json
          before?: Json
          causes?: Json
          date?: string
          id?: string
          restated_at?: string
          shop_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'metric_restatements_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      notification_preferences: {
        Row: {
          email: boolean | null
          in_app: boolean | null
          locale: string | null
          marketing: boolean | null
          push: boolean | null
          quiet_from: string | null
          quiet_until: string | null
          sms: boolean | null
          topic: string
          user_id: string
          zone: string | null
        }
        Insert: {
          email?: boolean | null
          in_app?: boolean | null
          locale?: string | null
          marketing?: boolean | null
          push?: boolean | null
          quiet_from?: string | null
          quiet_until?: string | null
          sms?: boolean | null
          topic?: string
          user_id?: string
          zone?: string | null
        }
        Update: {
          email?: boolean | null
          in_app?: boolean | null
          locale?: string | null
          marketing?: boolean | null
          push?: boolean | null
          quiet_from?: string | null
          quiet_until?: string | null
          sms?: boolean | null
          topic?: string
          user_id?: string
          zone?: string | null
        }
        Relationships: []
      }
      order_lines: {
        Row: {
          amount: number
          amount_minor: number
          category: string | null
          currency: string
          item_id: string | null
          item_name: string
          line_no: number
          order_id: string
          quantity: number
          shop_id: string
          unit_cost: number | null
          unit_price: number
        }
        Insert: {
          amount: number
          amount_minor: number
          category?: string | null
          currency: string
          item_id?: string | null
          item_name: string
          line_no: number
          order_id: string
          quantity: number
          shop_id: string
          unit_cost?: number | null
          unit_price: number
        }
        Update: {
          amount?: number
          amount_minor?: number
          category?: string | null
          currency?: string
          item_id?: string | null
          item_name?: string
          line_no?: number
          order_id?: string
          quantity?: number
          shop_id?: string
          unit_cost?: number | null
          unit_price?: number
        }
        Relationships: [
          {
            foreignKeyName: 'order_lines_shop_id_item_id_fkey'
            columns: ['shop_id', 'item_id']
            isOneToOne: false
            referencedRelation: 'items'
            referencedColumns: ['shop_id', 'id']
          },
          {
            foreignKeyName: 'order_lines_shop_id_order_id_fkey'
            columns: ['shop_id', 'order_id']
            isOneToOne: false
            referencedRelation: 'form_submissions'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      order_returns: {
        Row: {
          amount_minor: number
          cost_minor: number
          discount_minor: number
          id: string
          line_no: number
          order_id: string
          quantity: number
          reason: string | null
          restocked: boolean
          return_key: string
          returned_at: string
          returned_by: string | null
          shop_id: string
        }
        Insert: {
          amount_minor: number
          cost_minor: number
          discount_minor: number
          id?: string
          line_no: number
          order_id: string
          quantity: number
          reason?: string | null
          restocked: boolean
          return_key: string
          returned_at: string
          returned_by?: string | null
          shop_id: string
        }
        Update: {
          amount_minor?: number
          cost_minor?: number
          discount_minor?: number
          id?: string
          line_no?: number
          order_id?: string
          quantity?: number
          reason?: string | null
          restocked?: boolean
          return_key?: string
          returned_at?: string
          returned_by?: string | null
          shop_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'order_returns_shop_id_order_id_line_no_fkey'
            columns: ['shop_id', 'order_id', 'line_no']
            isOneToOne: false
            referencedRelation: 'order_lines'
            referencedColumns: ['shop_id', 'order_id', 'line_no']
          },
        ]
      }
      order_stock: {
        Row: {
          demand: Json
          order_ref: string
          shop_id: string
          state: Database['public']['Enums']['order_stock_state']
          updated_at: string
        }
        Insert: {
          demand: Json
          order_ref: string
          shop_id: string
          state: Database['public']['Enums']['order_stock_state']
          updated_at?: string
        }
        Update: {
          demand?: Json
          order_ref?: string
          shop_id?: string
          state?: Database['public']['Enums']['order_stock_state']
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'order_stock_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      outbound_messages: {
        Row: {
          attempts: number
          created_at: string
          error: string | null
          message_id: string
          sent_at: string | null
          shop_id: string
          state: Database['public']['Enums']['outbound_state']
        }
        Insert: {
          attempts?: number
          created_at?: string
          error?: string | null
          message_id: string
          sent_at?: string | null
          shop_id: string
          state?: Database['public']['Enums']['outbound_state']
        }
        Update: {
          attempts?: number
          created_at?: string
          error?: string | null
          message_id?: string
          sent_at?: string | null
          shop_id?: string
          state?: Database['public']['Enums']['outbound_state']
        }
        Relationships: [
          {
            foreignKeyName: 'outbound_messages_message_id_fkey'
            columns: ['message_id']
            isOneToOne: true
            referencedRelation: 'messages'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'outbound_messages_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      payment_methods: {
        Row: {
          created_at: string
          details: Json
          enabled: boolean
          id: string
          instructions: string | null
          name: string
          qr_code_url: string | null
          shop_id: string
          type: string | null
          updated_at: string
        }
        Insert: {
          created_at?: string
          details?: Json
          enabled?: boolean
          id?: string
          instructions?: string | null
          name: string
          qr_code_url?: string | null
          shop_id: string
          type?: string | null
          updated_at?: string
        }
        Update: {
          created_at?: string
          details?: Json
          enabled?: boolean
          id?: string
          instructions?: string | null
          name?: string
          qr_code_url?: string | null
          shop_id?: string
          type?: string | null
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'payment_methods_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      payment_proofs: {
        Row: {
          content_type: string
          id: string
          note: string | null
          order_id: string
          path: string
          reviewed_at: string | null
          reviewed_by: string | null
          shop_id: string
          size_bytes: number
          state: Database['public']['Enums']['proof_state']
          uploaded_at: string
        }
        Insert: {
          content_type: string
          id?: string
          note?: string | null
          order_id: string
          path: string
          reviewed_at?: string | null
          reviewed_by?: string | null
          shop_id: string
          size_bytes: number
          state?: Database['public']['Enums']['proof_state']
          uploaded_at?: string
        }
        Update: {
          content_type?: string
          id?: string
          note?: string | null
          order_id?: string
          path?: string
          reviewed_at?: string | null
          reviewed_by?: string | null
          shop_id?: string
          size_bytes?: number
          state?: Database['public']['Enums']['proof_state']
          uploaded_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'payment_proofs_shop_id_order_id_fkey'
            columns: ['shop_id', 'order_id']
            isOneToOne: false
            referencedRelation: 'form_submissions'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      plans: {
        Row: {
          billing_interval: Database['public']['Enums']['billing_interval']
          currency: string
          needs_approval: boolean
          plan: Database['public']['Enums']['subscription_plan']
          price_minor: number
          valid_from: string
        }
        Insert: {
          billing_interval: Database['public']['Enums']['billing_interval']
          currency: string
          needs_approval?: boolean
          plan: Database['public']['Enums']['subscription_plan']
          price_minor: number
          valid_from: string
        }
        Update: {
          billing_interval?: Database['public']['Enums']['billing_interval']
          currency?: string
          needs_approval?: boolean
          plan?: Database['public']['Enums']['subscription_plan']
          price_minor?: number
          valid_from?: string
        }
        Relationships: []
      }
      platform_metrics: {
        Row: {
          active_shops: number
          ai_messages_processed: number
          churned_mrr_minor: number
          churned_subscriptions: number
          contraction_mrr_minor: number
          currency: string
          data_extension_distribution: Json
          data_extension_revenue_minor: number
          date: string
          expansion_mrr_minor: number
          generated_at: string
          gmv_by_currency: Json
          gmv_minor: number
          id: string
          mrr_minor: number
          new_mrr_minor: number
          new_subscriptions: number
          new_users: number
          plan_distribution: Json
          total_conversations: number
          total_orders: number
          total_shops: number
        }
        Insert: {
          active_shops?: number
          ai_messages_processed?: number
          churned_mrr_minor?: number
          churned_subscriptions?: number
          contraction_mrr_minor?: number
          currency: string
          data_extension_distribution?: Json
          data_extension_revenue_minor?: number
          date: string
          expansion_mrr_minor?: number
          generated_at?: string
          gmv_by_currency?: Json
          gmv_minor?: number
          id?: string
          mrr_minor?: number
          new_mrr_minor?: number
          new_subscriptions?: number
          new_users?: number
          plan_distribution?: Json
          total_conversations?: number
          total_orders?: number
          total_shops?: number
        }
        Update: {
          active_shops?: number
          ai_messages_processed?: number
          churned_mrr_minor?: number
          churned_subscriptions?: number
          contraction_mrr_minor?: number
          currency?: string
          data_extension_distribution?: Json
          data_extension_revenue_minor?: number
          date?: string
          expansion_mrr_minor?: number
          generated_at?: string
          gmv_by_currency?: Json
          gmv_minor?: number
          id?: string
          mrr_minor?: number
          new_mrr_minor?: number
          new_subscriptions?: number
          new_users?: number
          plan_distribution?: Json
          total_conversations?: number
          total_orders?: number
          total_shops?: number
        }
        Relationships: []
      }
      product_analytics: {
        Row: {
          closing_stock: number | null
          cost_of_goods_minor: number
          currency: string
          date: string
          generated_at: string
          id: string
          item_id: string
          margin: number | null
          profit_minor: number
          revenue_minor: number
          sell_through: number | null
          shop_id: string
          units_returned: number
          units_sold: number
        }
        Insert: {
          closing_stock?: number | null
          cost_of_goods_minor?: number
          currency: string
          date: string
          generated_at?: string
          id?: string
          item_id: string
          margin?: number | null
          profit_minor?: number
          revenue_minor?: number
          sell_through?: number | null
          shop_id: string
          units_returned?: number
          units_sold?: number
        }
        Update: {
          closing_stock?: number | null
          cost_of_goods_minor?: number
          currency?: string
          date?: string
          generated_at?: string
          id?: string
          item_id?: string
          margin?: number | null
          profit_minor?: number
          revenue_minor?: number
          sell_through?: number | null
          shop_id?: string
          units_returned?: number
          units_sold?: number
        }
        Relationships: [
          {
            foreignKeyName: 'product_analytics_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'product_analytics_shop_id_item_id_fkey'
            columns: ['shop_id', 'item_id']
            isOneToOne: false
            referencedRelation: 'items'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      profiles: {
        Row: {
          avatar_url: string | null
          created_at: string
          email: string | null
          full_name: string | null
          id: string
          is_admin: boolean
          phone: string | null
          updated_at: string
        }
        Insert: {
          avatar_url?: string | null
          created_at?: string
          email?: string | null
          full_name?: string | null
          id: string
          is_admin?: boolean
          phone?: string | null
          updated_at?: string
        }
        Update: {
          avatar_url?: string | null
          created_at?: string
          email?: string | null
          full_name?: string | null
          id?: string
          is_admin?: boolean
          phone?: string | null
          updated_at?: string
        }
        Relationships: []
      }
      push_subscriptions: {
        Row: {
          auth: string | null
          created_at: string
          endpoint: string
          kind: string
          p256dh: string | null
          user_id: string
        }
        Insert: {
          auth?: string | null
          created_at?: string
          endpoint: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Update: {
          auth?: string | null
          created_at?: string
          endpoint?: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Relationships: []
      }
      recovery_snapshots: {
        Row: {
          created_at: string
          created_by: string | null
          description: string | null
          expires_at: string
          id: string
          shop_id: string | null
          shop_ids: string[] | null
          size_bytes: number | null
          snapshot_name: string
          status: Database['public']['Enums']['run_status']
        }
        Insert: {
          created_at?: string
          created_by?: string | null
          description?: string | null
          expires_at?: string
          id?: string
          shop_id?: string | null
          shop_ids?: string[] | null
          size_bytes?: number | null
          snapshot_name: string
          status?: Database['public']['Enums']['run_status']
        }
        Update: {
          created_at?: string
          created_by?: string | null
          description?: string | null
          expires_at?: string
          id?: string
          shop_id?: string | null
          shop_ids?: string[] | null
          size_bytes?: number | null
          snapshot_name?: string
          status?: Database['public']['Enums']['run_status']
        }
        Relationships: [
          {
            foreignKeyName: 'recovery_snapshots_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      saved_replies: {
        Row: {
          content: string
          created_at: string
          id: string
          shop_id: string
          shortcut: string | null
          title: string
          updated_at: string
        }
        Insert: {
          content: string
          created_at?: string
          id?: string
          shop_id: string
          shortcut?: string | null
          title: string
          updated_at?: string
        }
        Update: {
          content?: string
          created_at?: string
          id?: string
          shop_id?: string
          shortcut?: string | null
          title?: string
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'saved_replies_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      shops: {
        Row: {
          address: string | null
          ai_credits_included: number
          ai_credits_used: number
          ai_enabled: boolean
          ai_instructions: string | null
          billing_interval: Database['public']['Enums']['billing_interval']
          bot_pause_minutes: number
          created_at: string
          currency: string
          data_extension_ends_at: string | null
          data_extension_status: Database['public']['Enums']['data_extension_status']
          description: string | null
          email: string | null
          id: string
          logo_url: string | null
          low_stock_threshold: number
          name: string
          notify_customers: boolean
          order_hold_minutes: number
          owner_id: string | null
          period_ends_at: string | null
          phone: string | null
          restock_returns: boolean
          subscription_id: string | null
          subscription_plan: Database['public']['Enums']['subscription_plan']
          subscription_status: Database['public']['Enums']['subscription_status']
          timezone: string
          trial_ends_at: string | null
          updated_at: string
        }
        Insert: {
          address?: string | null
          ai_credits_included?: number
          ai_credits_used?: number
          ai_enabled?: boolean
          ai_instructions?: string | null
          billing_interval?: Database['public']['Enums']['billing_interval']
          bot_pause_minutes?: number
          created_at?: string
          currency?: string
          data_extension_ends_at?: string | null
          data_extension_status?: Database['public']['Enums']['data_extension_status']
          description?: string | null
          email?: string | null
          id?: string
          logo_url?: string | null
          low_stock_threshold?: number
          name: string
          notify_customers?: boolean
          order_hold_minutes?: number
          owner_id?: string | null
          period_ends_at?: string | null
          phone?: string | null
          restock_returns?: boolean
          subscription_id?: string | null
          subscription_plan?: Database['public']['Enums']['subscription_plan']
          subscription_status?: Database['public']['Enums']['subscription_status']
          timezone?: string
          trial_ends_at?: string | null
          updated_at?: string
        }
        Update: {
          address?: string | null
          ai_credits_included?: number
          ai_credits_used?: number
          ai_enabled?: boolean
          ai_instructions?: string | null
          billing_interval?: Database['public']['Enums']['billing_interval']
          bot_pause_minutes?: number
          created_at?: string
          currency?: string
          data_extension_ends_at?: string | null
          data_extension_status?: Database['public']['Enums']['data_extension_status']
          description?: string | null
          email?: string | null
          id?: string
          logo_url?: string | null
          low_stock_threshold?: number
          name?: string
          notify_customers?: boolean
          order_hold_minutes?: number
          owner_id?: string | null
          period_ends_at?: string | null
          phone?: string | null
          restock_returns?: boolean
          subscription_id?: string | null
          subscription_plan?: Database['public']['Enums']['subscription_plan']
          subscription_status?: Database['public']['Enums']['subscription_status']
          timezone?: string
          trial_ends_at?: string | null
          updated_at?: string
        }
        Relationships: []
      }
      social_integrations: {
        Row: {
          account_id: string | null
          account_name: string | null
          created_at: string
          id: string
          is_active: boolean
          last_error: string | null
          platform: Database['public']['Enums']['social_platform']
          shop_id: string
          token_expires_at: string | null
          updated_at: string
        }
        Insert: {
          account_id?: string | null
          account_name?: string | null
          created_at?: string
          id?: string
          is_active?: boolean
          last_error?: string | null
          platform: Database['public']['Enums']['social_platform']
          shop_id: string
          token_expires_at?: string | null
          updated_at?: string
        }
        Update: {
          account_id?: string | null
          account_name?: string | null
          created_at?: string
          id?: string
          is_active?: boolean
          last_error?: string | null
          platform?: Database['public']['Enums']['social_platform']
          shop_id?: string
          token_expires_at?: string | null
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'social_integrations_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      stock_history: {
        Row: {
          change: number
          changed_by: string | null
          deleted_item_id: string | null
          id: string
          item_id: string | null
          kind: Database['public']['Enums']['movement_kind']
          new_stock: number
          order_ref: string | null
          reason: string
          seq: number
          shop_id: string
          timestamp: string
        }
        Insert: {
          change: number
          changed_by?: string | null
          deleted_item_id?: string | null
          id?: string
          item_id?: string | null
          kind?: Database['public']['Enums']['movement_kind']
          new_stock: number
          order_ref?: string | null
          reason: string
          seq?: never
          shop_id: string
          timestamp?: string
        }
        Update: {
          change?: number
          changed_by?: string | null
          deleted_item_id?: string | null
          id?: string
          item_id?: string | null
          kind?: Database['public']['Enums']['movement_kind']
          new_stock?: number
          order_ref?: string | null
          reason?: string
          seq?: never
          shop_id?: string
          timestamp?: string
        }
        Relationships: [
          {
            foreignKeyName: 'stock_history_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'stock_history_shop_id_item_id_fkey'
            columns: ['shop_id', 'item_id']
            isOneToOne: false
            referencedRelation: 'items'
            referencedColumns: ['shop_id', 'id']
          },
        ]
      }
      stock_history_archive: {
        Row: {
          archived_at: string
          closing_stock: number
          first_at: string
          id: string
          item_id: string
          last_at: string
          movements: number
          ndjson: string
          sha256: string
          shop_id: string
        }
        Insert: {
          archived_at?: string
          closing_stock: number
          first_at: string
          id?: string
          item_id: string
          last_at: string
          movements: number
          ndjson: string
          sha256: string
          shop_id: string
        }
        Update: {
          archived_at?: string
          closing_stock?: number
          first_at?: string
          id?: string
          item_id?: string
          last_at?: string
          movements?: number
          ndjson?: string
          sha256?: string
          shop_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'stock_history_archive_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      subscription_changes: {
        Row: {
          at: string
          billing_interval: Database['public']['Enums']['billing_interval']
          data_extension_revenue_minor: number
          data_extension_status: Database['public']['Enums']['data_extension_status']
          id: number
          is_closed: boolean
          mrr_before_minor: number
          mrr_minor: number
          plan: Database['public']['Enums']['subscription_plan']
          shop_id: string
          status: Database['public']['Enums']['subscription_status']
        }
        Insert: {
          at: string
          billing_interval: Database['public']['Enums']['billing_interval']
          data_extension_revenue_minor?: number
          data_extension_status: Database['public']['Enums']['data_extension_status']
          id?: never
          is_closed?: boolean
          mrr_before_minor: number
          mrr_minor: number
          plan: Database['public']['Enums']['subscription_plan']
          shop_id: string
          status: Database['public']['Enums']['subscription_status']
        }
        Update: {
          at?: string
          billing_interval?: Database['public']['Enums']['billing_interval']
          data_extension_revenue_minor?: number
          data_extension_status?: Database['public']['Enums']['data_extension_status']
          id?: never
          is_closed?: boolean
          mrr_before_minor?: number
          mrr_minor?: number
          plan?: Database['public']['Enums']['subscription_plan']
          shop_id?: string
          status?: Database['public']['Enums']['subscription_status']
        }
        Relationships: []
      }
      sync_status: {
        Row: {
          error: string | null
          id: string
          lag_seconds: number | null
          last_synced_at: string | null
          position: number | null
          records_synced: number
          region: string | null
          shop_id: string
          status: Database['public']['Enums']['run_status']
          table_name: string
          updated_at: string
        }
        Insert: {
          error?: string | null
          id?: string
          lag_seconds?: number | null
          last_synced_at?: string | null
          position?: number | null
          records_synced?: number
          region?: string | null
          shop_id: string
          status?: Database['public']['Enums']['run_status']
          table_name: string
          updated_at?: string
        }
        Update: {
          error?: string | null
          id?: string
          lag_seconds?: number | null
          last_synced_at?: string | null
          position?: number | null
          records_synced?: number
          region?: string | null
          shop_id?: string
          status?: Database['public']['Enums']['run_status']
          table_name?: string
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'sync_status_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      team_invitations: {
        Row: {
          answered_at: string | null
          created_at: string
          email: string | null
          expires_at: string
          id: string
          invited_by: string | null
          role: Database['public']['Enums']['team_role']
          shop_id: string
          state: Database['public']['Enums']['invitation_state']
          token_hash: string | null
          user_id: string | null
        }
        Insert: {
          answered_at?: string | null
          created_at?: string
          email?: string | null
          expires_at: string
          id?: string
          invited_by?: string | null
          role: Database['public']['Enums']['team_role']
          shop_id: string
          state?: Database['public']['Enums']['invitation_state']
          token_hash?: string | null
          user_id?: string | null
        }
        Update: {
          answered_at?: string | null
          created_at?: string
          email?: string | null
          expires_at?: string
          id?: string
          invited_by?: string | null
          role?: Database['public']['Enums']['team_role']
          shop_id?: string
          state?: Database['public']['Enums']['invitation_state']
          token_hash?: string | null
          user_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'team_invitations_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
      team_members: {
        Row: {
          created_at: string
          id: string
          role: Database['public']['Enums']['team_role']
          shop_id: string
          user_id: string
        }
        Insert: {
          created_at?: string
          id?: string
          role: Database['public']['Enums']['team_role']
          shop_id: string
          user_id: string
        }
        Update: {
          created_at?: string
          id?: string
          role?: Database['public']['Enums']['team_role']
          shop_id?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'team_members_shop_id_fkey'
            columns: ['shop_id']
            isOneToOne: false
            referencedRelation: 'shops'
            referencedColumns: ['id']
          },
        ]
      }
    }
    Views: { [_ in never]: never }
    Functions: {
      accept_invitation: {
        Args: {
          p_invitation_id: string
          p_token?: string
        }
        Returns: string
      }
      check_coupon: {
        Args: {
          p_shop_id: string
          p_code: string
          p_total: number
        }
        Returns: Json
      }
      cleanup_expired_snapshots: {
        Args: never
        Returns: number
      }
      count_stock: {
        Args: {
          p_shop_id: string
          p_counts: Json
          p_reason?: string
          p_kind?: Database['public']['Enums']['movement_kind']
          p_dry_run?: boolean
        }
        Returns: Json
      }
      create_backup_snapshot: {
        Args: {
          p_snapshot_name: string
          p_description?: string
          p_shop_ids?: string[]
        }
        Returns: string
      }
      current_price: {
        Args: {
          p_item: unknown
        }
        Returns: number
      }
      decline_invitation: {
        Args: {
          p_invitation_id: string
          p_token?: string
        }
        Returns: undefined
      }
      explain_day: {
        Args: {
          p_shop_id: string
          p_date: string
          p_item_id?: string
        }
        Returns: {
          order_id: string | null
          submission_id: string | null
          gross_minor: number | null
          discount_minor: number | null
          refund_minor: number | null
          revenue_minor: number | null
          cost_minor: number | null
          items_sold: number | null
          items_returned: number | null
        }[]
      }
      explain_platform_day: {
        Args: {
          p_date: string
        }
        Returns: {
          shop_id: string | null
          shop_name: string | null
          currency: string | null
          gross_minor: number | null
          mrr_minor: number | null
          mrr_before_minor: number | null
          data_extension_revenue_minor: number | null
        }[]
      }
      generate_daily_sales_metrics: {
        Args: {
          p_shop_id: string
          p_date: string
        }
        Returns: Database['public']['Tables']['daily_sales_metrics']['Row']
      }
      generate_platform_metrics: {
        Args: {
          p_date: string
        }
        Returns: Database['public']['Tables']['platform_metrics']['Row']
      }
      generate_product_analytics: {
        Args: {
          p_shop_id: string
          p_date: string
        }
        Returns: Database['public']['Tables']['product_analytics']['Row'][]
      }
      get_customer_orders: {
        Args: {
          p_shop_id: string
          p_customer: string
          p_limit?: number
          p_before?: string
        }
        Returns: {
          submission_id: string | null
          status: Database['public']['Enums']['order_status'] | null
          submitted_at: string | null
          total: number | null
          discount: number | null
          shipping_status: Database['public']['Enums']['shipping_status'] | null
          tracking_number: string | null
          lines: Json | null
        }[]
      }
      get_customers: {
        Args: {
          p_shop_id: string
          p_search?: string
          p_limit?: number
          p_offset?: number
        }
        Returns: {
          customer: string | null
          name: string | null
          email: string | null
          phone: string | null
          orders_count: number | null
          revenue: number | null
          first_order_at: string | null
          last_order_at: string | null
        }[]
      }
      get_inbox: {
        Args: {
          p_shop_id: string
          p_state?: Database['public']['Enums']['conversation_state']
          p_assigned_to?: string
          p_limit?: number
          p_before?: string
        }
        Returns: {
          id: string | null
          customer_name: string | null
          platform: Database['public']['Enums']['social_platform'] | null
          state: Database['public']['Enums']['conversation_state'] | null
          assigned_to: string | null
          bot_paused_until: string | null
          last_message_at: string | null
          last_message: string | null
          unread: number | null
        }[]
      }
      get_invitations: {
        Args: {
          p_token?: string
        }
        Returns: {
          id: string | null
          shop_id: string | null
          shop_name: string | null
          role: Database['public']['Enums']['team_role'] | null
          expires_at: string | null
        }[]
      }
      get_item_availability: {
        Args: {
          p_shop_id: string
          p_item_ids?: string[]
        }
        Returns: {
          item_id: string | null
          stock: number | null
          held: number | null
          available: number | null
          backorder_limit: number | null
        }[]
      }
      get_low_stock_items: {
        Args: {
          p_shop_id: string
          p_threshold?: number
          p_include_zero?: boolean
        }
        Returns: {
          id: string | null
          name: string | null
          stock: number | null
          category: string | null
          last_sale_date: string | null
          out_of_stock: boolean | null
        }[]
      }
      get_platform_stats: {
        Args: {
          p_start_date: string
          p_end_date: string
        }
        Returns: Database['public']['Tables']['platform_metrics']['Row'][]
      }
      get_product_metrics: {
        Args: {
          p_shop_id: string
          p_start_date: string
          p_end_date: string
          p_limit?: number
        }
        Returns: {
          item_id: string | null
          name: string | null
          category: string | null
          units_sold: number | null
          units_returned: number | null
          revenue_minor: number | null
          cost_of_goods_minor: number | null
          profit_minor: number | null
          margin: number | null
          stock: number | null
          sell_through: number | null
          days_of_cover: number | null
        }[]
      }
      get_sales_metrics: {
        Args: {
          p_shop_id: string
          p_start_date: string
          p_end_date: string
        }
        Returns: Database['public']['Tables']['daily_sales_metrics']['Row'][]
      }
      get_sales_summary: {
        Args: {
          p_shop_id: string
          p_start_date: string
          p_end_date: string
        }
        Returns: Json
      }
      get_shop_stats: {
        Args: {
          p_shop_id: string
        }
        Returns: Json
      }
      invite_member: {
        Args: {
          p_shop_id: string
          p_role: Database['public']['Enums']['team_role']
          p_email?: string
          p_user_id?: string
        }
        Returns: Json
      }
      leave_shop: {
        Args: {
          p_shop_id: string
        }
        Returns: undefined
      }
      mark_conversation_read: {
        Args: {
          p_conversation_id: string
        }
        Returns: undefined
      }
      process_order_stock_changes: {
        Args: {
          p_order_items: Json
          p_order_id: string
          p_shop_id: string
        }
        Returns: Json
      }
      render_saved_reply: {
        Args: {
          p_reply_id: string
          p_conversation_id: string
        }
        Returns: string
      }
      request_data_extension: {
        Args: {
          p_shop_id: string
        }
        Returns: Database['public']['Enums']['data_extension_status']
      }
      return_lines: {
        Args: {
          p_order_id: string
          p_lines: Json
          p_key: string
          p_reason?: string
        }
        Returns: Json
      }
      review_data_extension: {
        Args: {
          p_shop_id: string
          p_accept: boolean
        }
        Returns: Database['public']['Enums']['data_extension_status']
      }
      review_payment_proof: {
        Args: {
          p_proof_id: string
          p_accept: boolean
          p_note?: string
        }
        Returns: Database['public']['Tables']['payment_proofs']['Row']
      }
      revoke_invitation: {
        Args: {
          p_invitation_id: string
        }
        Returns: undefined
      }
      set_subscription: {
        Args: {
          p_shop_id: string
          p_plan: Database['public']['Enums']['subscription_plan']
          p_status: Database['public']['Enums']['subscription_status']
          p_interval?: Database['public']['Enums']['billing_interval']
          p_trial_ends_at?: string
          p_period_ends_at?: string
        }
        Returns: undefined
      }
      update_stock: {
        Args: {
          p_item_id: string
          p_change: number
          p_reason: string
          p_changed_by?: string
          p_kind?: Database['public']['Enums']['movement_kind']
        }
        Returns: Json
      }
    }
    Enums: {
      billing_interval: 'month' | 'year'
      conversation_state: 'open' | 'waiting' | 'closed'
      coupon_kind: 'percent' | 'amount'
      data_extension_status: 'none' | 'requested' | 'pending_payment' | 'pending_approval' | 'active' | 'rejected' | 'expired'
      invitation_state: 'pending' | 'accepted' | 'declined' | 'revoked'
      item_type: 'product' | 'service'
      match_type: 'contains' | 'exact' | 'word' | 'regex'
      message_sender: 'user' | 'bot'
      movement_kind: 'opening' | 'sale' | 'return' | 'adjustment' | 'count' | 'shrinkage' | 'import'
      order_status: 'Pending' | 'Confirmed' | 'Completed' | 'Cancelled' | 'Return'
      order_stock_state: 'held' | 'taken' | 'none'
      outbound_state: 'waiting' | 'sending' | 'sent' | 'failed' | 'unknown'
      proof_state: 'pending' | 'accepted' | 'rejected'
      run_status: 'pending' | 'running' | 'completed' | 'failed'
      shipping_status: 'unshipped' | 'packed' | 'shipped' | 'delivered' | 'returned'
      social_platform: 'facebook' | 'instagram' | 'whatsapp' | 'telegram' | 'tiktok' | 'line'
      subscription_plan: 'Starter' | 'Pro' | 'Growth'
      subscription_status: 'trialing' | 'active' | 'expired' | 'pending_approval'
      team_role: 'Owner' | 'Admin' | 'Order Manager' | 'Support Agent'
    }
    CompositeTypes: { [_ in never]: never }
  }
}

type Tables_ = Database['public']['Tables']
export type Tables<Name extends keyof Tables_> = Tables_[Name]['Row']
export type TablesInsert<Name extends keyof Tables_> = Tables_[Name]['Insert']
export type TablesUpdate<Name extends keyof Tables_> = Tables_[Name]['Update']
export type Enums<Name extends keyof Database['public']['Enums']> = Database['public']['Enums'][Name]
